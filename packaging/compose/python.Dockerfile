# A service in Python that takes locks with nothing but stubs: clients/python/examples.
FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends \
      protobuf-compiler protobuf-compiler-grpc python3-grpcio python3-protobuf \
 && rm -rf /var/lib/apt/lists/*
COPY protos /src/protos
RUN mkdir /opt/stubs \
 && protoc -I/src/protos --python_out=/opt/stubs --grpc_out=/opt/stubs \
      --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin \
      /src/protos/holdfast/v1/*.proto /src/protos/google/rpc/status.proto
COPY clients/python/examples/handover.py /opt/handover.py
ENV PYTHONPATH=/opt/stubs PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/usr/bin/python3", "/opt/handover.py"]
