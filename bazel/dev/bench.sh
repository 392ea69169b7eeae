# shellcheck shell=bash
# `./dev bench`: holdfast beside a bare server and its peers (tests/bench), built for
# release. With --install-peers the peers that are missing come first, from Debian.

BENCH_PROGRAMS=(//tests/bench/load:load //tests/bench/servers:bare_server
  //tests/bench/servers:memory_server //tests/bench/store:commit_load //tests/bench/store:store_scan
  //tests/bench:python_load //services/lock/main:holdfastd)

dev_bench() {
  local flags=(--config=release) groups=(build run) argument
  for argument in "$@"; do
    case $argument in
      --install-peers) groups+=(bench) ;;
      -h | --help) exec python3 tests/bench/bench.py --help ;;
    esac
  done
  prepare "${groups[@]}"
  say "building the benchmark"
  run_bazel build "${flags[@]}" "${BENCH_PROGRAMS[@]}"
  local folder bench=$ROOT/tests/bench/bench.py
  folder=$(build_folder "${flags[@]}")
  # Files that the caller names are where the caller is.
  cd "$CALLED_FROM" || die "cannot go back to $CALLED_FROM"
  # In the shell's place, so that whoever ends this ends the servers too.
  exec python3 "$bench" --binaries "$folder" "$@"
}
