# shellcheck shell=bash
# The image of `./dev image`, on a base that is made here, so that no registry is asked: it
# runs as a user of its own, without writing to its root, hands a lock over to a client
# outside through a shared folder, is healthy by its own health check, and stops in order.

# shellcheck source=bazel/dev/system.sh
source "$DEV/system.sh"
# shellcheck source=tests/platforms/support/chroot.sh
source tests/platforms/support/chroot.sh

# On top of the base.
LIMIT_MB=45

require_chroots
work=$(mktemp -d /tmp/hf-XXXXXX)
buildah=(buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs)

leave() {
  local status=$?
  [[ -z ${server-} ]] || kill "$server" 2>/dev/null || true
  wait
  "${buildah[@]}" umount --all >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap leave EXIT

say "a base such as debian:$(debian_codename)-slim"
make_chroot "$work/base" "$(debian_codename)"
# As the slim images have it: what packages document is not installed.
cat >"$work/base/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
END
rm -rf "$work"/base/var/cache/apt/archives/*.deb "$work"/base/var/lib/apt/lists/*
base=$("${buildah[@]}" from scratch)
"${buildah[@]}" add --quiet "$base" "$work/base" / >/dev/null
"${buildah[@]}" commit --quiet --rm "$base" "docker.io/library/debian:$(debian_codename)-slim" >/dev/null

IMAGE_BUILDER="${buildah[*]} bud --format docker --isolation chroot --pull-never" \
  "$ROOT/dev" image --tag holdfast-test

say "what it is made of"
container=$("${buildah[@]}" from --pull-never localhost/holdfast-test)
"${buildah[@]}" inspect "$container" >"$work/config"
/usr/bin/python3 - "$work/config" <<'END'
import json, sys
config = json.load(open(sys.argv[1], encoding="utf-8"))["Docker"]["config"]
assert config["User"] == "7650:7650", config
assert config["Entrypoint"] == ["holdfastd"], config
assert config["StopSignal"] == "SIGTERM", config
assert config["Healthcheck"]["Test"] == ["CMD", "holdfast", "health", "--server-timeout=2s"], config
assert set(config["Volumes"]) == {"/var/lib/holdfast", "/run/holdfast"}, config
assert config["Labels"]["org.opencontainers.image.version"] != "unknown", config
END
say "running it"
mkdir "$work/shared" "$work/data"
chown 7650:7650 "$work/shared" "$work/data"
chmod 755 "$work" "$work/shared"
run=("${buildah[@]}" run --isolation chroot --user 7650:7650
  --volume "$work/shared:/run/holdfast" --volume "$work/data:/var/lib/holdfast")
# shellcheck disable=SC2016  # that shell is to expand it
"${run[@]}" "$container" -- sh -c '
  # As --read-only of a container engine has it, which this one has no flag for.
  for folder in / /usr/local/bin /etc /var /tmp; do
    if touch $folder/probe 2>/dev/null && [ $folder != /tmp ]; then
      echo "$folder can be written to"
      exit 1
    fi
  done
  exec holdfastd' 2>"$work/log" &
server=$!
for ((tries = 0; tries < 600; ++tries)); do
  [[ -S $work/shared/holdfast.sock ]] && break
  kill -0 "$server" 2>/dev/null || die "the server has ended: $(cat "$work/log")"
  sleep 0.05
done
# Another container of the same image, as a client's would be.
client=$("${buildah[@]}" from --pull-never localhost/holdfast-test)
"${run[@]}" "$client" -- holdfast health --server-timeout=10s || die "it says: $(cat "$work/log")"
[[ $(stat -c '%u:%g %a' "$work/shared/holdfast.sock") == '7650:7650 660' ]] ||
  die "the socket is $(stat -c '%u:%g %a' "$work/shared/holdfast.sock")"

say "a lock goes from a client inside to one outside"
cp "$("${buildah[@]}" mount "$client")/usr/local/bin/holdfast" "$work/holdfast"
as_member=(setpriv --reuid 12345 --regid 12345 --groups 7650)
as_stranger=(setpriv --reuid 12345 --regid 12345 --clear-groups)
export HOLDFAST_ADDRESS=unix:$work/shared/holdfast.sock
"${run[@]}" "$client" -- holdfast acquire handed-over --forever --owner inside >"$work/lease"
# shellcheck disable=SC2016  # as above
"${as_member[@]}" "$work/holdfast" run handed-over --owner outside \
  sh -c 'echo "outside has it, token $HOLDFAST_TOKEN"' >"$work/outside" &
waiter=$!
for ((tries = 0; tries < 600; ++tries)); do
  [[ $("${as_member[@]}" "$work/holdfast" show handed-over) == *outside* ]] && break
  sleep 0.05
done
"${run[@]}" "$client" -- holdfast release handed-over "$(cut -d' ' -f1 "$work/lease")"
wait "$waiter" || die "the client outside did not get the lock"
[[ $(<"$work/outside") == "outside has it, token 2" ]] || die "it says: $(<"$work/outside")"
if "${as_stranger[@]}" "$work/holdfast" ls --server-timeout=1s 2>/dev/null; then
  die "somebody who is not of group 7650 could connect"
fi

say "stopping it"
# Its process, by the user that nobody else here is.
kill -TERM "$(pgrep --uid 7650 --exact holdfastd)"
wait "$server" || die "it ended with $?: $(tail -n 3 "$work/log")"
server=
grep -q '"msg":"stopped"' "$work/log" || die "it did not stop in order: $(tail -n 3 "$work/log")"
say "how much it is"
base=$("${buildah[@]}" from --pull-never "debian:$(debian_codename)-slim")
size() { du --summarize --apparent-size --bytes "$("${buildah[@]}" mount "$1")" | cut -f 1; }
megabytes=$((($(size "$container") - $(size "$base") + 500000) / 1000000))
echo "on top of the base: $megabytes MB"
((megabytes <= LIMIT_MB)) || echo "more than $LIMIT_MB MB; the largest of it:" \
  "$(cd "$("${buildah[@]}" mount "$container")" &&
    find usr/lib usr/local -newer etc/dpkg/dpkg.cfg.d/slim -type f -size +1M -printf '%s %f, ' |
    sort -rn)"

echo "$megabytes MB on the base; a lock was handed over through the shared folder"
