# shellcheck shell=bash
# Bazel, with a disk cache that outlives the checkout, so that a second clone is warm.

# Containers often start without HOME, or with one that cannot be written to.
if [[ -z ${XDG_CACHE_HOME-} ]]; then
  if [[ -n ${HOME-} && -w $HOME ]]; then
    export XDG_CACHE_HOME=$HOME/.cache
  else
    export XDG_CACHE_HOME=/tmp/holdfast-cache-$UID
  fi
fi
export HOME=${HOME:-$XDG_CACHE_HOME}
DISK_CACHE=$XDG_CACHE_HOME/holdfast/bazel

# run_bazel COMMAND ARGUMENT...
run_bazel() {
  local command=$1
  shift
  mkdir -p "$DISK_CACHE"
  # Bazel's link to its work folder, if a copy of the checkout or another user has left
  # it behind: Bazel would take what it points to for packages of ours.
  rm -f "bazel-${ROOT##*/}" 2>/dev/null || true
  # Bazel never shrinks a disk cache; what nobody has read for a month goes.
  find "$DISK_CACHE" -type f -atime +30 -delete 2>/dev/null || true
  local flags=(--disk_cache="$DISK_CACHE")
  # Without a terminal, a line of progress every ten seconds is enough.
  [[ -t 2 ]] || flags+=(--show_progress_rate_limit=10)
  bazel "$command" "${flags[@]}" "$@"
}

# build_folder FLAG...: where a build with these flags puts its results. The link
# bazel-bin would be the folder of whichever build ran last, perhaps another one's.
build_folder() {
  run_bazel info "$@" bazel-bin 2>/dev/null
}
