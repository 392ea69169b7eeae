#!/usr/bin/env bash
# What `./dev install` lays out is all that a program outside of this repository needs:
# the README's first example is compiled against it by a plain compiler, with the flags
# that pkg-config gives, and takes a lock of the installed server.
set -euo pipefail

source bazel/dev/system.sh
source bazel/dev/install.sh

prefix=$TEST_TMPDIR/prefix
# A socket's path has at most 107 bytes, and TEST_TMPDIR may be longer.
home=$(mktemp -d /tmp/hf-XXXXXX)
trap 'kill "${server-}" 2>/dev/null || true; wait; rm -rf "$home"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# compile SOURCE PROGRAM: as a user would.
compile() {
  local flags
  flags=$(pkg-config --cflags --libs holdfast)
  # shellcheck disable=SC2086  # one flag per word
  g++ -Wall -Wextra -Werror "$1" $flags -o "$2"
}

lay_out "$prefix" .
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

say "every installed header, in one program"
for header in "$prefix"/include/holdfast/*.h; do
  echo "#include \"holdfast/${header##*/}\""
done >"$home/headers.cc"
echo 'int main() {}' >>"$home/headers.cc"
compile "$home/headers.cc" "$home/headers"

say "the first example, outside of the repository"
cp clients/cpp/examples/first_lock.cc "$home/first_lock.cc"
(cd "$home" && compile first_lock.cc first_lock)

say "the installed server"
"$prefix/bin/holdfastd" --data-dir="$home/data" --listen="unix:$home/s" 2>"$home/log" &
server=$!
for ((tries = 0; tries < 600; ++tries)); do
  [[ -S $home/s ]] && break
  kill -0 "$server" 2>/dev/null || fail "the server has ended: $(cat "$home/log")"
  sleep 0.05
done

output=$("$home/first_lock" "unix:$home/s")
[[ $output == "writing the report, with fencing token 1" ]] || fail "it says: $output"

# shellcheck disable=SC2016  # that shell is to expand it
output=$("$prefix/bin/holdfast" run --address="unix:$home/s" reports/2024 -- \
  sh -c 'echo "token $HOLDFAST_TOKEN"')
[[ $output == "token 2" ]] || fail "the command line says: $output"

version=$("$prefix/bin/holdfast" --version)
[[ $version == "holdfast $(pkg-config --modversion holdfast)" ]] || fail "versions differ: $version"
[[ -f $prefix/share/holdfast/protos/holdfast/v1/lock_service.proto ]] || fail "the API is missing"
