# shellcheck shell=bash
# `./dev install`, whose configuration no test is built in, into a folder of its own: the
# server and the command line that it lays out hand a lock over.

# shellcheck source=bazel/dev/system.sh
source "$DEV/system.sh"

prefix=$(mktemp -d /tmp/hf-XXXXXX)

leave() {
  local status=$?
  [[ -z ${server-} ]] || kill "$server" 2>/dev/null || true
  rm -rf "$prefix"
  exit "$status"
}
trap leave EXIT

"$ROOT/dev" install --prefix "$prefix"

"$prefix/bin/holdfastd" --data-dir="$prefix/data" --listen="unix:$prefix/s" &
server=$!
export HOLDFAST_ADDRESS=unix:$prefix/s
# `run` waits for the server to come up.
output=$("$prefix/bin/holdfast" run deploy --expire 10 "$prefix/bin/holdfast" show deploy)
[[ $output == *deploy* ]] || die "holdfast show says of a lock that is held: $output"
[[ -z $("$prefix/bin/holdfast" ls) ]] || die "the lock is held after its command has ended"
kill "$server"
wait "$server" || die "the server ended with $?"
server=
echo "installed, and a lock was taken and given back"
