# shellcheck shell=bash
# `./dev bench`: the programs tagged `bench`, built for release, one after another.

dev_bench() {
  prepare build
  local flags=(--config=release) folder label targets
  targets=$(run_bazel query --noshow_progress 'attr(tags, "\bbench\b", kind(cc_binary, //...))')
  [[ -n $targets ]] || die "there are no benchmarks: no cc_binary is tagged bench"
  say "building the benchmarks"
  # shellcheck disable=SC2086  # one label per word
  run_bazel build "${flags[@]}" $targets
  folder=$(build_folder "${flags[@]}")
  for label in $targets; do
    say "$label"
    label=${label#//}
    "$folder/${label/://}" "$@"
  done
}
