# shellcheck shell=bash
# A Bazel workspace of a user's, as docs/cpp-client.md has it, with this checkout as one of
# its repositories: the README's first example builds there, and takes a lock of the server.
# It compiles the whole client once more, because no path is what it is at home.

# shellcheck source=bazel/dev/system.sh
source "$DEV/system.sh"
# shellcheck source=bazel/dev/bazel.sh
source "$DEV/bazel.sh"

workspace=$(mktemp -d /tmp/hf-XXXXXX)
user_bazel=(bazel "--output_user_root=$workspace/output")

leave() {
  local status=$?
  [[ -z ${server-} ]] || kill "$server" 2>/dev/null || true
  (cd "$workspace/user" && "${user_bazel[@]}" shutdown) 2>/dev/null || true
  chmod -R u+w "$workspace"
  rm -rf "$workspace"
  exit "$status"
}
trap leave EXIT

mkdir "$workspace/user"
cat >"$workspace/user/WORKSPACE" <<END
local_repository(
    name = "holdfast",
    path = "$ROOT",
)

load("@holdfast//bazel:stub_repositories.bzl", "stub_repositories")
load("@holdfast//bazel:system_libraries.bzl", "system_libraries")

stub_repositories()

system_libraries()
END
cat >"$workspace/user/BUILD.bazel" <<'END'
cc_binary(
    name = "first_lock",
    srcs = ["first_lock.cc"],
    deps = ["@holdfast//clients/cpp:holdfast"],
)
END
cat >"$workspace/user/.bazelrc" <<'END'
build --cxxopt=-std=c++20
build --repository_cache=
build --spawn_strategy=processwrapper-sandbox,local
END
cp clients/cpp/examples/first_lock.cc "$workspace/user"

say "building @holdfast//clients/cpp:holdfast in another workspace"
(cd "$workspace/user" &&
  "${user_bazel[@]}" build --disk_cache="$DISK_CACHE" --show_progress_rate_limit=10 //:first_lock)

say "taking a lock with it"
run_bazel build //services/lock/main:holdfastd
# shellcheck disable=SC2119  # no flags
"$(build_folder)/services/lock/main/holdfastd" --data-dir="$workspace/data" \
  --listen="unix:$workspace/s" &
server=$!
for ((tries = 0; tries < 200; ++tries)); do
  [[ -S $workspace/s ]] && break
  kill -0 "$server" || die "the server has ended"
  sleep 0.05
done
output=$("$workspace/user/bazel-bin/first_lock" "unix:$workspace/s")
[[ $output == "writing the report, with fencing token 1" ]] || die "the example says: $output"
echo "$output"
