"""Checks the direction of dependencies by what each folder includes.

    common <- everything
    services/common <- engine <- {storage, access, rpc} <- main; access <- rpc
    services/common <- services/net <- {rpc, main}; no engine and no gRPC in it
    protos <- rpc, clients, tests; storage's record protos are seen by storage alone;
    clients never include services.

Bazel's visibility says the same for its targets. This check sees what visibility
cannot: the system libraries are found whether or not a target names them.
"""

import pathlib
import re
import sys

import sources

_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

# The first pattern that matches says what an included file belongs to. Whatever
# matches none (the standard library, abseil, GoogleTest) may be included anywhere.
_GROUPS = (
    ("storage protos", r"holdfast/storage/.*\.pb\.h$"),
    ("protos", r".*\.pb\.h$"),
    ("protobuf", r"google/protobuf/"),
    ("grpc", r"(grpc|grpcpp|grpc\+\+)/"),
    ("rocksdb", r"rocksdb/"),
    ("command line", r"CLI/"),
    ("common", r"common/"),
    ("server common", r"services/common/"),
    ("net", r"services/net/"),
    ("engine", r"services/lock/engine/"),
    ("access", r"services/lock/access/"),
    ("store for tests", r"services/lock/storage/testing/memory_store\.h$"),
    ("storage", r"services/lock/storage/"),
    ("rpc", r"services/lock/rpc/"),
    ("main", r"services/"),
    ("client", r"(holdfast|clients)/"),
    ("tests", r"tests/"),
)

# Folder -> the groups that it may include; the longest folder that matches counts.
_API = {"protos", "protobuf", "grpc"}
_ALLOWED = {
    "common": {"common"},
    "services/common": {"common", "server common"},
    "services/net": {"common", "server common", "net"},
    "services/lock/engine": {"common", "server common", "engine"},
    "services/lock/access": {"common", "server common", "engine", "access"},
    "services/lock/storage": {
        "common", "server common", "engine", "storage", "storage protos", "store for tests",
        "protobuf", "rocksdb",
    },
    "services/lock/rpc": {"common", "server common", "net", "engine", "access", "rpc"} | _API,
    "services/lock/main": {
        "common", "server common", "net", "engine", "access", "storage", "rpc", "main", "rocksdb",
        "command line",
    } | _API,
    "clients": {"common", "client", "command line"} | _API,
    # It must not measure more than a client sees.
    "tests/bench/load": {"common", "tests", "command line"} | _API,
    "tests": {group for group, _ in _GROUPS} - {"storage protos"},
}

# What is there for tests alone may use the shared helpers, and the server in it the
# store that needs no disk.
_FOR_TESTS = {"tests", "store for tests"}


def group_of(included):
    for group, pattern in _GROUPS:
        if re.match(pattern, included):
            return group
    return None


def allowed_in(path, for_tests):
    """The groups that the file may include; None if no rule speaks of its folder."""
    folders = [folder for folder in _ALLOWED if path.startswith(folder + "/")]
    if not folders:
        return None
    allowed = _ALLOWED[max(folders, key=len)]
    return allowed | _FOR_TESTS if for_tests else allowed


def findings(path, text, for_tests):
    allowed = allowed_in(path, for_tests)
    if allowed is None:
        if path.startswith("services/"):
            yield f"{path}: no layer is defined for this folder in {pathlib.Path(__file__).name}"
        return
    for match in _INCLUDE.finditer(text):
        group = group_of(match.group(1))
        if group is not None and group not in allowed:
            line = text.count("\n", 0, match.start(1)) + 1
            yield f"{path}:{line}: may not include {match.group(1)} ({group})"


def main(root):
    for_tests = sources.test_files(root)
    found = [
        finding
        for path, text in sources.files(root, ".h", ".cc")
        for finding in findings(path, text, path in for_tests)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
