# shellcheck shell=bash
# `./dev test`: every test in each configuration, then one line of figures.

# run_tests NAME ARGUMENT...: runs Bazel and keeps what happened for summarise.
run_tests() {
  local name=$1 status=0
  shift
  say "$name: bazel $*"
  run_bazel "$@" --keep_going --build_event_json_file="$EVENTS/$name.json" || status=$?
  echo "$status" >"$EVENTS/$name.status"
}

dev_test() {
  prepare build run test
  EVENTS=$(mktemp -d /tmp/holdfast-test-XXXXXX)
  trap 'rm -rf "$EVENTS"' EXIT
  if (($#)); then
    run_tests default test "$@"
  else
    run_tests default test //...
    run_tests tsan test --config=tsan //...
    run_tests asan test --config=asan //...
  fi
  python3 "$DEV/summarise_tests.py" "$EVENTS"
}
