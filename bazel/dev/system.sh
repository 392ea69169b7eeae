# shellcheck shell=bash
# What a command needs of the machine: Debian 12, and the packages in packages.txt.

say() { printf '==> %s\n' "$*"; }

die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# debian_codename: the release that this is, as archives and images of it are called.
debian_codename() {
  (. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
}

require_debian_12() {
  local id version arch
  id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID-}") || true
  version=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID-}") || true
  [[ $id == debian && $version == 12 ]] ||
    die "this needs Debian 12, and here is ${id:-an unknown system} ${version:-(no version)}"
  command -v dpkg-query apt-get >/dev/null || die "this needs dpkg-query and apt-get in PATH"
  arch=$(dpkg --print-architecture)
  [[ $arch == amd64 || $arch == arm64 ]] || die "this needs amd64 or arm64, and here is $arch"
}

# missing_packages GROUP...: those of the groups' packages that are not installed.
missing_packages() {
  local group wanted
  wanted=$(for group in "$@"; do sed -n "s/^$group //p" "$DEV/packages.txt"; done)
  # dpkg-query answers for those it knows, and fails if it does not know one of them.
  # shellcheck disable=SC2016,SC2086  # its own format language; one word per package
  comm -23 <(sort -u <<<"$wanted") \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
      sed -n 's/^installed //p' | sort -u)
}

# install_packages GROUP...: installs what is missing of the groups, as root or with sudo.
install_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID)); then
    command -v sudo >/dev/null ||
      die "missing packages, and neither root nor sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing with apt: ${missing[*]}"
  "${as_root[@]}" apt-get -qq update || die "apt-get update failed"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o APT::Install-Suggests=false install "${missing[@]}" |
    awk '/^(Unpacking|Setting up) / && ++n % 40 == 0 { print "    " $0; fflush() }' ||
    die "apt-get install failed"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) || die "apt-get has not installed: ${missing[*]}"
}

# prepare GROUP...: everything before the first call of Bazel.
prepare() {
  require_debian_12
  install_packages "$@"
  local tool
  for tool in bazel g++ pkg-config protoc python3; do
    command -v "$tool" >/dev/null || die "the command $tool is missing, although its package is installed"
  done
}
