# shellcheck shell=bash
# `./dev mutate`: makes small mistakes in the code, one at a time, and reports which of them
# the tests notice.

dev_mutate() {
  prepare build mutate
  # What it keeps between runs: which mutants each file has, and for each checkout a copy of
  # it, with Bazel's results.
  export MUTATE_CACHE=$XDG_CACHE_HOME/holdfast/mutate DISK_CACHE
  export MUTATE_WORKSPACE=$MUTATE_CACHE/${ROOT//\//_}
  mkdir -p "$MUTATE_WORKSPACE"
  # Two runs at once would write to the same copy.
  exec 9>"$MUTATE_WORKSPACE/lock"
  flock -n 9 || die "another ./dev mutate is running in this checkout"
  # By its path: it is Debian's python3 that has Debian's python3-clang.
  /usr/bin/python3 bazel/mutate/mutate.py "$@" 9>&-
}
