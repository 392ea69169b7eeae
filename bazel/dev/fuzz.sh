# shellcheck shell=bash
# `./dev fuzz`: the fuzz targets of tests/fuzz, with libFuzzer, for as long as one likes.
#
# What is found goes to a folder that outlives the checkout: inputs that reach new code
# to TARGET/corpus, from which the next run goes on, and inputs that break something to
# TARGET/findings.

FUZZ_FOLDER=$XDG_CACHE_HOME/holdfast/fuzz

# fuzz_targets: the names of all targets, one a line.
fuzz_targets() {
  run_bazel query --noshow_progress 'attr(tags, "\bfuzz\b", kind(cc_test, //tests/fuzz:all))' |
    sed 's/.*://'
}

# fuzz_build TARGET...: builds them with libFuzzer and says in FUZZ_BIN where they are.
fuzz_build() {
  # Said aloud, because callers that act on our failure switch errexit off.
  run_bazel build --config=asan "${@/#///tests/fuzz:}" || die "the fuzz targets do not build"
  FUZZ_BIN=$(build_folder --config=asan)/tests/fuzz
  # As .bazelrc has it for tests.
  export ASAN_OPTIONS=external_symbolizer_path=/usr/bin/addr2line:detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=external_symbolizer_path=/usr/bin/addr2line:print_stacktrace=1
}

# fuzz_one TARGET SECONDS: runs one target. REQUIRES: it is built.
fuzz_one() {
  local target=$1 seconds=$2 folder=$FUZZ_FOLDER/$1 log status=0
  mkdir -p "$folder/corpus" "$folder/findings"
  log=$folder/log
  "$FUZZ_BIN/$target" -max_total_time="$seconds" -timeout=20 -entropic=0 -print_final_stats=1 \
    -artifact_prefix="$folder/findings/" "$folder/corpus" "tests/fuzz/corpus/$target" \
    >"$log" 2>&1 || status=$?
  # cov: the edges of the code under test that were reached.
  sed -n 's/^stat::number_of_executed_units: *\([0-9]*\)/\1 inputs/p' "$log" | tr '\n' ' '
  sed -n 's/^#.* cov: \([0-9]*\) .*/\1 edges/p' "$log" | tail -n 1
  ((status == 0)) && return 0
  tail -n 60 "$log"
  sed -n 's/^.*Test unit written to \(.*\)/\1/p' "$log" | while read -r input; do
    say "$target broke; again: ./dev fuzz $target $input"
  done
  return 1
}

# fuzz_soak SECONDS [TARGET...]: runs each target, or all of them, for so many seconds.
# 1: something was found.
fuzz_soak() {
  local seconds=$1 target failed=() targets=("${@:2}")
  ((${#targets[@]})) || mapfile -t targets < <(fuzz_targets)
  ((${#targets[@]})) || die "there are no fuzz targets"
  fuzz_build "${targets[@]}"
  for target in "${targets[@]}"; do
    say "$target, for $seconds s"
    fuzz_one "$target" "$seconds" || failed+=("$target")
  done
  if ((${#failed[@]})); then
    say "fuzz: broken: ${failed[*]}"
    return 1
  fi
  say "fuzz: ${#targets[@]} targets, $seconds s each, nothing found; corpus in $FUZZ_FOLDER"
}

# fuzz_merge TARGET...: the checked-in corpus becomes the fewest inputs, of it and of all
# that were found, that reach every edge.
fuzz_merge() {
  local target merged checked_in
  fuzz_build "$@"
  for target in "$@"; do
    merged=$(mktemp -d) checked_in=tests/fuzz/corpus/$target
    mkdir -p "$FUZZ_FOLDER/$target/corpus"
    # Counting how often each edge is passed would keep hundreds.
    "$FUZZ_BIN/$target" -set_cover_merge=1 -use_counters=0 "$merged" "$checked_in" \
      "$FUZZ_FOLDER/$target/corpus" 2>/dev/null
    # Inputs with a name of their own are there for a reason.
    find "$checked_in" -type f -regex '.*/[0-9a-f]*' -delete
    cp -n "$merged"/* "$checked_in"
    rm -rf "$merged"
    say "$target: $(find "$checked_in" -type f | wc -l) inputs, $(du -bs "$checked_in" | cut -f1) bytes"
  done
}

fuzz_usage() {
  die "usage: ./dev fuzz [SECONDS | TARGET [SECONDS | ./FILE] | --merge TARGET...]"
}

dev_fuzz() {
  prepare build test
  if [[ ${1-} == --merge ]]; then
    (($# > 1)) || fuzz_usage
    fuzz_merge "${@:2}"
  elif (($# == 2)) && [[ $2 == */* ]]; then
    local input
    input=$(cd "$CALLED_FROM" && realpath -e "$2") || die "there is no file $2"
    fuzz_build "$1"
    HOLDFAST_FUZZ_TRACE=1 "$FUZZ_BIN/$1" "$input"
  elif (($# == 0)) || { (($# == 1)) && [[ $1 =~ ^[1-9][0-9]*$ ]]; }; then
    fuzz_soak "${1:-60}"
  elif (($# <= 2)) && [[ ${2:-60} =~ ^[1-9][0-9]*$ ]]; then
    fuzz_soak "${2:-60}" "$1"
  else
    fuzz_usage
  fi
}
