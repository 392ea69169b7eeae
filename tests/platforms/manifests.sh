# shellcheck shell=bash
# The compose file, the Kubernetes manifests and the units: read by what Debian has to read
# them.

# shellcheck source=bazel/dev/system.sh
source "$DEV/system.sh"
# shellcheck source=tests/platforms/support/chroot.sh
source tests/platforms/support/chroot.sh

require_chroots

say "packaging/compose (docker-compose)"
docker-compose --file packaging/compose/compose.yaml config --quiet

say "packaging/kubernetes (the API's own model)"
/usr/bin/python3 tests/platforms/support/check_kubernetes.py packaging/kubernetes/*.yaml

say "packaging/systemd"
systemd-analyze security --offline=true --threshold=20 packaging/systemd/holdfastd.service | tail -n 1
work=$(mktemp -d /tmp/hf-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/usr/bin" "$work/etc"
for unit in packaging/systemd/holdfastd.{service,socket}; do
  # The program is not installed here, nor is its page.
  sed 's|^ExecStart=.*|ExecStart=/bin/true|; /^Documentation=/d' "$unit" >"$work/${unit##*/}"
done
systemd-analyze verify "$work/holdfastd.service" "$work/holdfastd.socket"
cp /etc/passwd /etc/group "$work/etc"
systemd-sysusers --root="$work" "$PWD/packaging/systemd/holdfast.sysusers" >/dev/null
grep -q '^holdfast:' "$work/etc/passwd" || die "sysusers.d makes no user"
systemd-tmpfiles --root="$work" --create "$PWD/packaging/systemd/holdfast.tmpfiles"
[[ $(stat -c %a "$work/run/holdfast") == 755 ]] || die "tmpfiles.d makes no folder"
echo "all of them can be read"
