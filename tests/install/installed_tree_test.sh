#!/usr/bin/env bash
# What `./dev install` lays out is all that a program outside of this repository needs, also
# after it was moved: a plain compiler with what pkg-config says, a shared library of one's
# own, and CMake's find_package each build something that takes a lock of the installed
# server.
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

# compile MODULE ARGUMENT...: with what pkg-config says of the module, as a user would.
compile() {
  local flags
  flags=$(pkg-config --cflags --libs "$1")
  # shellcheck disable=SC2086  # one flag per word
  g++ -Wall -Wextra -Werror "${@:2}" $flags
}

# expect WANTED COMMAND...: what the command prints.
expect() {
  local output
  output=$("${@:2}") || fail "${*:2} ends with $? and says: $output"
  [[ $output == "$1" ]] || fail "${*:2} says: $output"
}

lay_out "$TEST_TMPDIR/elsewhere" .
mv "$TEST_TMPDIR/elsewhere" "$prefix"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
cp clients/cpp/examples/first_lock.cc tests/install/user/* "$home"
cd "$home"

say "what the shared library shows of itself"
nm -D --defined-only "$prefix/lib/libholdfast.so" | c++filt >shown
grep -v -e ' holdfast::\([A-Z]\|operator\)' -e ' \(typeinfo\( name\)\?\|vtable\) for holdfast::[A-Z]' \
  -e ' A HOLDFAST_1$' shown && fail "libholdfast.so shows more than its headers"
grep -q 'holdfast::Client::Create' shown || fail "libholdfast.so does not show its headers"
[[ -f $prefix/lib/libholdfast-grpc$(pkg-config --modversion grpc++ | cut -d. -f1,2).so.1 ]] ||
  fail "its name does not say which gRPC it was built with"

say "every installed header, in one program"
for header in "$prefix"/include/holdfast/*.h; do
  echo "#include \"holdfast/${header##*/}\""
done >headers.cc
compile holdfast -std=c++23 -fsyntax-only headers.cc

say "pkg-config: a C++20 program, the client shared"
compile holdfast -std=c++20 first_lock.cc -Wl,-rpath,"$prefix/lib" -o shared
say "pkg-config: a C++23 program, the client static"
compile holdfast-static -std=c++23 first_lock.cc -o static
say "pkg-config: a shared library that has taken the client in"
compile holdfast-static -std=c++20 -shared -fPIC -Wl,-z,defs plugin.cc -o plugin.so
say "CMake: both, in one project"
cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 || fail "$(cat cmake.log)"
cmake --build build >cmake.log 2>&1 || fail "$(cat cmake.log)"

say "each of them takes a lock of the installed server"
"$prefix/bin/holdfastd" --data-dir=data --listen="unix:$home/s" 2>log &
server=$!
for ((tries = 0; tries < 600; ++tries)); do
  [[ -S s ]] && break
  kill -0 "$server" 2>/dev/null || fail "the server has ended: $(cat log)"
  sleep 0.05
done

token=0
for program in ./shared ./static build/with_shared build/with_static; do
  expect "writing the report, with fencing token $((++token))" "$program" "unix:$home/s"
done
expect $((++token)) python3 -c 'if True:
    import ctypes, sys
    take_once = ctypes.CDLL("./plugin.so").TakeOnce
    take_once.restype = ctypes.c_uint64
    print(take_once(sys.argv[1].encode()))' "unix:$home/s"
# shellcheck disable=SC2016  # that shell is to expand it
expect "token $((++token))" "$prefix/bin/holdfast" run --address="unix:$home/s" reports/2024 -- \
  sh -c 'echo "token $HOLDFAST_TOKEN"'

for module in holdfast holdfast-static; do
  expect "holdfast $(pkg-config --modversion $module)" "$prefix/bin/holdfast" --version
done
[[ -f $prefix/share/holdfast/protos/holdfast/v1/lock_service.proto ]] || fail "the API is missing"
