# shellcheck shell=bash
# `./dev fmt`: formats in place what `./dev lint` checks.

# shellcheck source=bazel/dev/lint.sh
source "$DEV/lint.sh"

dev_fmt() {
  (($# == 0)) || die "usage: ./dev fmt"
  prepare build lint
  local files
  mapfile -t files < <(cxx_files)
  ((${#files[@]} == 0)) || clang-format-16 -i "${files[@]}"
  say "formatted ${#files[@]} files"
}
