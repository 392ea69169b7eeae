# shellcheck shell=bash
# `./dev soak --minutes N`: what searches goes on searching, with new seeds: the programs
# tagged `soak` (the simulation, the crash points of the store, the real server under
# chaos, the Jepsen case, malformed input) and the fuzz targets. Each gets the same share of the time.

# shellcheck source=bazel/dev/fuzz.sh
source "$DEV/fuzz.sh"

dev_soak() {
  [[ $# == 2 && $1 == --minutes && $2 =~ ^[0-9]+$ && $2 -gt 0 ]] ||
    die "usage: ./dev soak --minutes N"
  prepare build run test
  local minutes=$2 folder label labels program share seed seconds targets failed=()
  labels=$(run_bazel query --noshow_progress 'attr(tags, "\bsoak\b", kind(cc_binary, //...))')
  [[ -n $labels ]] || die "there is nothing to soak: no cc_binary is tagged soak"
  say "building what soaks"
  # shellcheck disable=SC2086  # one label per word
  run_bazel build $labels
  folder=$(build_folder)

  # The fuzz targets together count as one program.
  share=$(awk -v minutes="$minutes" -v programs="$(wc -w <<<"$labels")" \
    'BEGIN { printf "%.3f", minutes / (programs + 1) }')
  # Never the same twice, and printed, so that it can be had again.
  seed=$(($(date +%s) * 1000))
  for label in $labels; do
    say "$label --minutes=$share --seed=$seed"
    label=${label#//}
    program=$folder/${label/://}
    # Where it finds the server and the clients that it starts.
    (cd "$program.runfiles/holdfast" && "$program" --minutes="$share" --seed="$seed") ||
      failed+=("$label")
  done
  mapfile -t targets < <(fuzz_targets)
  ((${#targets[@]})) || die "there are no fuzz targets"
  seconds=$(awk -v minutes="$share" -v targets="${#targets[@]}" \
    'BEGIN { printf "%d", 1 + minutes * 60 / targets }')
  fuzz_soak "$seconds" "${targets[@]}" || failed+=(fuzzing)

  if ((${#failed[@]})); then
    printf 'found something: %s\n' "${failed[@]}" >&2
    return 1
  fi
  say "soak: nothing found"
}
