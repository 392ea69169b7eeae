# shellcheck shell=bash
# `./dev run`: the server, and two processes that contend for one lock, in two languages.

RUN_SERVER=//services/lock/main:holdfastd
RUN_DEMOS=(//clients/cpp/examples:handover //clients/python/examples:handover)
# Where the server listens unless --once is given, which takes any free port.
RUN_ADDRESS=${HOLDFAST_ADDRESS:-127.0.0.1:7650}

# program LABEL FOLDER: the built program.
program() {
  local label=${1#//}
  printf '%s/%s' "$2" "${label/://}"
}

# contend ADDRESS PROGRAM PROGRAM: each tells what happens under a name of its own.
contend() {
  local address=$1 contenders=()
  "$2" --address="$address" --name=cpp --rounds=3 &
  contenders+=($!)
  "$3" --address="$address" --name=python --rounds=3 &
  contenders+=($!)
  wait "${contenders[0]}" && wait "${contenders[1]}"
}

# wait_for_socket PATH PID: until the server serves or has ended.
wait_for_socket() {
  local tries
  for ((tries = 0; tries < 200; ++tries)); do
    [[ -S $1 ]] && return
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

dev_run() {
  local once=
  case ${1-} in
    --once) once=1 ;;
    '') ;;
    *) die "usage: ./dev run [--once]" ;;
  esac
  prepare build run
  say "building $RUN_SERVER ${RUN_DEMOS[*]}"
  run_bazel build "$RUN_SERVER" "${RUN_DEMOS[@]}"
  local folder home address=$RUN_ADDRESS
  folder=$(build_folder)

  if [[ $once ]]; then
    home=$(mktemp -d /tmp/holdfast-XXXXXX)
    address=127.0.0.1:0
  else
    # Not in the checkout: the path of a socket has at most 107 bytes.
    home=${XDG_STATE_HOME:-$HOME/.local/state}/holdfast
    mkdir -p "$home"
  fi
  say "starting holdfastd on unix:$home/holdfast.sock and $address, data in $home/data"
  "$(program $RUN_SERVER "$folder")" --data-dir="$home/data" \
    --listen="unix:$home/holdfast.sock" --listen="$address" &
  local server=$!
  # shellcheck disable=SC2064  # once and home are those of now
  trap "stop_server '$once' '$home'" EXIT
  trap 'exit 130' INT TERM
  wait_for_socket "$home/holdfast.sock" "$server" || die "holdfastd did not start"

  say "a C++ and a Python process contend for one lock"
  contend "unix:$home/holdfast.sock" "$(program "${RUN_DEMOS[0]}" "$folder")" \
    "$(program "${RUN_DEMOS[1]}" "$folder")" || die "the demonstration failed"
  [[ $once ]] && return
  say "serving on unix:$home/holdfast.sock and $address until Ctrl-C"
  # Now it is the expected end.
  trap 'exit 0' INT TERM
  wait "$server"
}

# stop_server ONCE HOME: ends the server and, if Ctrl-C came in between, the contenders.
stop_server() {
  trap - EXIT INT TERM
  local started
  mapfile -t started < <(jobs -p)
  ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
  wait
  if [[ $1 ]]; then rm -rf "$2"; fi
}
