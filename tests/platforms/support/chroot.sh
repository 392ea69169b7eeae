# shellcheck shell=bash
# A Debian in a folder, for suites that need one of their own. Only root can make it.

# require_chroots: ends the suite if this machine cannot make them.
require_chroots() {
  ((EUID == 0)) || cannot_run "this needs root, to make a Debian in a folder"
  install_packages platforms
}

cannot_run() {
  echo "$*"
  exit 77
}

# make_chroot FOLDER RELEASE: the smallest Debian of that release.
make_chroot() {
  debootstrap --variant=minbase "$2" "$1" http://deb.debian.org/debian >"$1.log" 2>&1 ||
    cannot_run "debootstrap of $2 failed: $(tail -n 1 "$1.log")"
}

# in_chroot FOLDER COMMAND...: with /proc and /dev in a mount namespace of its own, so that
# nothing stays mounted.
in_chroot() {
  # shellcheck disable=SC2016  # that shell is to expand it
  unshare --mount --pid --fork bash -euo pipefail -c '
    mount --bind /dev "$1/dev"
    mount -t proc proc "$1/proc"
    cd /
    exec chroot "$@"' chroot "$@"
}
