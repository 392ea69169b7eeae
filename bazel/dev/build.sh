# shellcheck shell=bash
# `./dev build`: compiles without running anything.

dev_build() {
  prepare build
  (($#)) || set -- //...
  say "building $*"
  run_bazel build "$@"
}
