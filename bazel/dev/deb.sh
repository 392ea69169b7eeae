# shellcheck shell=bash
# `./dev deb --to DIR`: Debian packages of the server, the command line and the C++ client,
# for the release of Debian that this is. What is in which package is in packaging/debian,
# in debhelper's way; here all is built and laid out for it.

# shellcheck source=bazel/dev/install.sh
source "$DEV/install.sh"

# changelog: Debian's, with the one entry that a package without a past needs.
changelog() {
  local date
  date=$(git log -1 --format=%cD 2>/dev/null) || date=$(date -R -r common/version.h)
  printf 'holdfast (%s) unstable; urgency=medium\n\n  * Built from the sources of that version.\n\n' \
    "$(version)"
  printf ' -- holdfast maintainers <%s>  %s\n' "$PACKAGES_MAINTAINER" "$date"
}
# Whoever hands packages to others says who answers for them.
PACKAGES_MAINTAINER=${DEBEMAIL:-maintainers@example.org}

# lay_out_debian STAGE: what dpkg-buildpackage reads, beside the files in STAGE/tree.
lay_out_debian() {
  local stage=$1
  cp -a packaging/debian "$stage/debian"
  sed -i "s|@MAINTAINER@|$PACKAGES_MAINTAINER|" "$stage/debian/control"
  changelog >"$stage/debian/changelog"
  cp packaging/systemd/holdfastd.service packaging/systemd/holdfastd.socket "$stage/debian"
  cp packaging/systemd/holdfast.sysusers "$stage/debian/holdfastd.sysusers"
  cp packaging/systemd/holdfast.tmpfiles "$stage/debian/holdfastd.tmpfiles"
  install -D -m 644 -t "$stage/tree/etc/holdfast" packaging/systemd/holdfastd.conf
  # Where Debian's zsh looks.
  mv "$stage/tree/usr/share/zsh/site-functions" "$stage/tree/usr/share/zsh/vendor-completions"
}

dev_deb() {
  [[ $# == 2 && $1 == --to && -n $2 ]] || die "usage: ./dev deb --to DIR"
  local to=$2 folder stage
  [[ $to == /* ]] || to=$CALLED_FROM/$to
  prepare build deb
  mkdir -p "$to" || die "cannot create $to"
  folder=$(mktemp -d /tmp/holdfast-deb-XXXXXX)
  # shellcheck disable=SC2064  # folder is that of now
  trap "rm -rf '$folder'" EXIT
  stage=$folder/holdfast
  mkdir "$stage"
  install_release "$stage/tree/usr" "lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)"
  lay_out_debian "$stage"
  say "building the packages"
  (cd "$stage" && dpkg-buildpackage --build=binary --no-sign >"$folder/log" 2>&1) ||
    die "dpkg-buildpackage failed: $(tail -n 30 "$folder/log")"
  mv "$folder"/*.deb "$to"
  say "done:"
  (cd "$to" && ls -1 ./*.deb)
}
