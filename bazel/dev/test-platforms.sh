# shellcheck shell=bash
# `./dev test-platforms`: what needs more than a Debian 12 and this checkout, or more time
# than everybody's tests may take. Each script in tests/platforms is a suite. It runs in the
# root of the checkout, with ROOT and DEV as here, and ends with 0, or with 77 if this machine
# cannot run it; else it has failed. The last line that it prints says why.

CANNOT_RUN=77

# suites: the names of all, one a line.
suites() {
  find tests/platforms -maxdepth 1 -name '*.sh' -printf '%f\n' | sed 's/\.sh$//' | sort
}

dev_test_platforms() {
  prepare build run test
  local suite log status wanted=("$@") passed=0 failed=() missed=()
  (($#)) || mapfile -t wanted < <(suites)
  for suite in "${wanted[@]}"; do
    [[ -f tests/platforms/$suite.sh ]] || die "there is no suite '$suite', only: $(suites | xargs)"
  done
  log=$(mktemp /tmp/holdfast-platforms-XXXXXX)
  # shellcheck disable=SC2064  # log is that of now
  trap "rm -f '$log'" EXIT
  for suite in "${wanted[@]}"; do
    say "$suite"
    status=0
    ROOT=$ROOT DEV=$DEV bash -euo pipefail "tests/platforms/$suite.sh" 2>&1 | tee "$log" ||
      status=${PIPESTATUS[0]}
    case $status in
      0) passed=$((passed + 1)) ;;
      "$CANNOT_RUN") missed+=("$suite: $(tail -n 1 "$log")") ;;
      *) failed+=("$suite: $(tail -n 1 "$log")") ;;
    esac
  done
  ((${#missed[@]} == 0)) || printf 'could not run %s\n' "${missed[@]}"
  ((${#failed[@]} == 0)) || printf 'FAILED %s\n' "${failed[@]}"
  echo "$passed passed, ${#failed[@]} failed, ${#missed[@]} could not run"
  ((${#failed[@]} == 0))
}
