# shellcheck shell=bash
# `./dev mutate`: makes small mistakes in the code, one at a time, and reports which of them
# the tests notice.

dev_mutate() {
  prepare build mutate
  # What it keeps between runs: a copy of the checkout with Bazel's results for it, and which
  # mutants each file has.
  export MUTATE_CACHE=$XDG_CACHE_HOME/holdfast/mutate DISK_CACHE
  mkdir -p "$MUTATE_CACHE"
  # Two runs at once would write to the same copy.
  exec 9>"$MUTATE_CACHE/lock"
  flock -n 9 || die "another ./dev mutate is running"
  # By its path: it is Debian's python3 that has Debian's python3-clang.
  /usr/bin/python3 bazel/mutate/mutate.py "$@" 9>&-
}
