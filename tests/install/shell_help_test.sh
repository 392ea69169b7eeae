#!/usr/bin/env bash
# The man pages that `./dev install` lays out can be read, and bash, zsh and fish complete
# what is written of a command line.
set -euo pipefail

source bazel/dev/system.sh
source bazel/dev/install.sh

prefix=$TEST_TMPDIR/prefix
# A socket's path has at most 107 bytes, and TEST_TMPDIR may be longer.
home=$(mktemp -d /tmp/hf-XXXXXX)
trap 'kill "${server-}" 2>/dev/null || true; wait; rm -rf "$home"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

lay_out_help "$prefix"
install -D -t "$prefix/bin" clients/cli/holdfast

services/lock/main/holdfastd --data-dir="$home/data" --listen="unix:$home/s" 2>"$home/log" &
server=$!
for ((tries = 0; tries < 600; ++tries)); do
  [[ -S $home/s ]] && break
  kill -0 "$server" 2>/dev/null || fail "the server has ended: $(cat "$home/log")"
  sleep 0.05
done

say "the man pages"
mandoc -T lint -W warning "$prefix/share/man/man1/holdfast.1" "$prefix/share/man/man8/holdfastd.8" ||
  fail "mandoc has found fault"

# Each completes the command line that the words make, and prints what fits, one a line.
in_bash() {
  # shellcheck disable=SC2016  # that shell is to expand it
  bash --norc -c '
    source /usr/share/bash-completion/bash_completion
    source "$1"; shift
    # As readline splits words: at colons and equals signs too.
    read -r -a COMP_WORDS <<<"$(sed "s/[:=]/ & /g" <<<"$*")"
    [[ $* != *" " ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
    _holdfast
    printf "%s\n" "${COMPREPLY[@]}"
  ' bash "$prefix/share/bash-completion/completions/holdfast" "$*"
}
in_zsh() {
  # Its completion needs a terminal, so what the function calls is put in place of it.
  # shellcheck disable=SC2016
  zsh -f -c '
    # Takes `word:meaning`, with a backslash before a colon in the word.
    _describe() { print -rl -- "${(@P)2}" | sed "s/\\\\:/\n/g; s/:.*//; s/\n/:/g" }
    _normal() { print -- "the command line of $words, word $CURRENT" }
    fpath=("$1") words=("${(@s: :)2}")
    CURRENT=$#words
    autoload -U _holdfast
    _holdfast
  ' zsh "$prefix/share/zsh/site-functions" "$*"
}
in_fish() {
  # shellcheck disable=SC2016
  fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' \
    "$prefix/share/fish/vendor_completions.d/holdfast.fish" "$*" | cut -f 1
}

say "completion"
export PATH=$prefix/bin:$PATH HOLDFAST_ADDRESS=unix:$home/s
holdfast acquire reports:2024 --forever >"$home/lease"
# expect SHELL WORDS EXPECTED...: what the shell makes of the words.
expect() {
  local shell=$1 words=$2 found
  shift 2
  found=$("in_$shell" "$words" | sort | paste -sd' ')
  [[ $found == "$*" ]] || fail "$shell makes of '$words': $found"
}
for shell in bash zsh fish; do
  expect "$shell" "holdfast rel" "release release-by-tag"
  expect "$shell" "holdfast run --t" "--tag --timeout"
done
# What stands before a colon is left out, as readline has it already.
expect bash "holdfast show reports:2" "2024"
for shell in zsh fish; do
  expect "$shell" "holdfast show rep" "reports:2024"
done
touch "$home/some-file"
for shell in bash fish; do
  expect "$shell" "holdfast run -w 3 reports:2024 cat $home/some-f" "$home/some-file"
done
expect zsh "holdfast run -w 3 reports:2024 cat x" "the command line of cat x, word 2"
