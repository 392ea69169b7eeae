# shellcheck shell=bash
# `./dev simulate`: runs of the deterministic simulation, above all one again that has
# found something.

SIMULATE=//tests/simulation:simulate

dev_simulate() {
  prepare build
  say "building $SIMULATE"
  run_bazel build "$SIMULATE"
  local folder
  folder=$(build_folder)
  "$folder/tests/simulation/simulate" "$@"
}
