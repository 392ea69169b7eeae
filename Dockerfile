# The server and the command line on Debian slim, for a host where locks are taken over a
# Unix socket in a shared folder, or for a network.
#
#     docker build -t holdfast .          needs nothing but docker; compiles for some minutes
#     ./dev image                         the same from what Bazel has built already
#
#     docker run -d --read-only --stop-timeout 10 -v holdfast-data:/var/lib/holdfast
#       -v holdfast-run:/run/holdfast holdfast
#
# It writes to its two volumes alone. Every flag is an environment variable too: see
# docs/operations.md.
ARG DEBIAN=bookworm

FROM debian:${DEBIAN}-slim AS build
COPY . /src
RUN /src/dev install --prefix /opt/holdfast \
 && strip /opt/holdfast/bin/* \
 && /src/bazel/dev/runtime_packages.sh /opt/holdfast/bin/* > /opt/holdfast/runtime-packages

FROM debian:${DEBIAN}-slim AS runtime
COPY --from=build /opt/holdfast/runtime-packages /tmp/runtime-packages
# A number of its own, so that a volume or a hostPath can be given to it.
RUN apt-get update -qq \
 && xargs apt-get install -qq -y --no-install-recommends < /tmp/runtime-packages \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old \
      /var/log/apt /var/log/dpkg.log /tmp/runtime-packages \
 && groupadd --gid 7650 holdfast \
 && useradd --uid 7650 --gid holdfast --home-dir /var/lib/holdfast --no-create-home \
      --shell /usr/sbin/nologin holdfast \
 && install -d -o holdfast -g holdfast -m 0700 /var/lib/holdfast \
 && install -d -o holdfast -g holdfast -m 0755 /run/holdfast
COPY --from=build /opt/holdfast/bin/ /usr/local/bin/

ARG VERSION=unknown
LABEL org.opencontainers.image.title="holdfast" \
      org.opencontainers.image.description="Durable lock service over gRPC" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

# Members of group 7650 may take locks. HOLDFAST_ADDRESS is for the command line.
ENV HOLDFAST_DATA_DIR=/var/lib/holdfast \
    HOLDFAST_LISTEN=unix:/run/holdfast/holdfast.sock,mode=0660 \
    HOLDFAST_LOG_FORMAT=json \
    HOLDFAST_ADDRESS=unix:/run/holdfast/holdfast.sock
VOLUME ["/var/lib/holdfast", "/run/holdfast"]
USER 7650:7650
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["holdfast", "health", "--server-timeout=2s"]
ENTRYPOINT ["holdfastd"]
