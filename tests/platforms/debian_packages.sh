# shellcheck shell=bash
# The packages of `./dev deb`: lintian finds no errors; in a fresh Debian they install, the
# service starts under systemd in its sandbox, admits members of its group and nobody else,
# keeps its locks across a restart and takes its socket from systemd; and a purge leaves
# nothing but the user. A program is built with what the -dev package has.

# shellcheck source=bazel/dev/system.sh
source "$DEV/system.sh"
# shellcheck source=tests/platforms/support/chroot.sh
source tests/platforms/support/chroot.sh

require_chroots
work=$(mktemp -d /tmp/hf-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
debian=$work/debian

"$ROOT/dev" deb --to "$work/packages"

say "lintian"
lintian --allow-root --fail-on error "$work"/packages/*.deb

say "a program with libholdfast-dev"
for package in libholdfast-dev libholdfast1; do
  dpkg -x "$work/packages/${package}_"*.deb "$work/dev"
done
lib=$work/dev/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
for module in holdfast holdfast-static; do
  # shellcheck disable=SC2046  # one flag per word
  g++ -std=c++20 clients/cpp/examples/first_lock.cc -o "$work/$module" \
    $(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs "$module")
done
LD_LIBRARY_PATH=$lib ldd "$work/holdfast" | grep -q "libholdfast-grpc.*$lib" ||
  die "the program does not find libholdfast1's library"

say "a fresh Debian"
make_chroot "$debian" "$(debian_codename)"
cp "$work"/packages/*.deb "$debian/root"
in_chroot "$debian" sh -euc '
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -y --no-install-recommends install systemd-sysv >/dev/null
  find / -xdev -path /root -prune -o -name "*holdfast*" -print | sort > /root/before
  apt-get -qq -y --no-install-recommends install \
    /root/holdfastd_*.deb /root/holdfast_*.deb /root/libholdfast1_*.deb >/dev/null'

# What is to hold within it once it has booted.
cat >"$debian/root/try" <<'END'
#!/bin/bash
set -euxo pipefail
socket=/run/holdfast/holdfast.sock
export HOLDFAST_ADDRESS=unix:$socket
systemctl is-active holdfastd.service
[[ $(holdfast health) == serving ]]

useradd --groups holdfast member
useradd stranger
lease=$(runuser -u member -- holdfast acquire kept --forever)
if runuser -u stranger -- holdfast ls --server-timeout=1s; then exit 1; fi

systemctl restart holdfastd.service
[[ $(holdfast ls) == *kept* ]]
runuser -u member -- holdfast release kept "${lease% *}"

# A backup beside the running server.
holdfastd backup /root/backup --data-dir=/var/lib/holdfast
holdfastd verify /root/backup

# Nothing that the sandbox refused.
if journalctl --unit=holdfastd | grep -i -e 'not permitted' -e denied -e level=error; then exit 1; fi
systemd-analyze security holdfastd.service | tail -n 1

systemctl stop holdfastd.service
[[ ! -e $socket ]]
systemctl start holdfastd.socket
# It starts the server.
runuser -u member -- holdfast run activated true
systemctl is-active holdfastd.service
before=$(stat -c %i $socket)
systemctl restart holdfastd.service
[[ $(stat -c %i $socket) == "$before" ]]
[[ $(stat -c '%U:%G %a' $socket) == 'root:holdfast 660' ]]
[[ $(holdfast health) == serving ]]
systemctl stop holdfastd.socket holdfastd.service
touch /root/passed
END
chmod +x "$debian/root/try"
cat >"$debian/etc/systemd/system/try.service" <<'END'
[Unit]
After=holdfastd.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/root/try > /root/log 2>&1'
ExecStopPost=/bin/systemctl --no-block poweroff
END
ln -s ../try.service "$debian/etc/systemd/system/multi-user.target.wants/try.service"

say "booting it"
# Its own network, so that it disturbs nobody. A machine without what systemd needs of the
# kernel ends at once.
timeout 180 systemd-nspawn --quiet --register=no --keep-unit --private-network \
  --kill-signal=SIGRTMIN+3 --directory "$debian" --boot >"$work/boot" 2>&1 </dev/null || true
grep -q 'Started.*try.service\|Starting.*try.service\|Reached target' "$work/boot" ||
  cannot_run "systemd does not boot in a container here: $(tail -n 1 "$work/boot")"
[[ -f $debian/root/passed ]] || die "within it: $(tail -n 20 "$debian/root/log" "$work/boot")"
grep 'exposure level' "$debian/root/log"

say "purging"
in_chroot "$debian" sh -euc '
  apt-get -qq -y purge holdfastd holdfast libholdfast1 >/dev/null
  rm -rf /var/log/journal/*
  find / -xdev -path /root -prune -o -name "*holdfast*" -print | sort > /root/after
  diff /root/before /root/after
  test ! -e /var/lib/holdfast && test ! -e /etc/holdfast' || die "a purge leaves something behind"
echo "installed, served under systemd, purged"
