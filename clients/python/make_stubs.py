#!/usr/bin/python3
"""Generates the messages that the holdfast package ships, under names of its own.

    make_stubs.py PROTOC OUT PROTO...

protobuf keeps one registry of messages for a whole process, so stubs of google.rpc or of
holdfast.v1 that another package brings must not meet these. So packages, files and modules
are renamed before protoc sees them: holdfast.v1 becomes holdfast.stubs.v1, google.rpc
becomes holdfast.stubs.rpc, and every module lies in holdfast/_stubs. What goes over the wire
does not change; names of services do not matter, since calls are made by their paths.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

_RENAMED = (
    (r'import "(?:holdfast/v1|google/rpc)/', 'import "holdfast/_stubs/'),
    (r"^package google\.rpc;", "package holdfast.stubs.rpc;"),
    (r"^package holdfast\.v1;", "package holdfast.stubs.v1;"),
    (r"\bgoogle\.rpc\.(?=[A-Z]\w* \w+ = )", "holdfast.stubs.rpc."),
    # Of the languages that this is not for.
    (r"^option (?!py)\w+ = [^;]*;$", ""),
)


def main(protoc, out, protos):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch, "holdfast/_stubs")
        folder.mkdir(parents=True)
        for proto in map(pathlib.Path, protos):
            text = proto.read_text()
            for pattern, replacement in _RENAMED:
                text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
            (folder / proto.name).write_text(text)
        pathlib.Path(out).mkdir(parents=True, exist_ok=True)
        names = sorted(f"holdfast/_stubs/{path.name}" for path in folder.iterdir())
        subprocess.run(
            [protoc, f"-I{scratch}", f"--python_out={out}", f"--pyi_out={out}", *names], check=True
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
