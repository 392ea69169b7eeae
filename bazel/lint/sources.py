"""Finds the files of the repository that the checks in this folder read."""

import os
import pathlib
import re

_FOLDERS = ("bazel", "clients", "common", "protos", "services", "tests")
_SKIPPED = {"node_modules", "__pycache__"}

_TARGET = re.compile(r"^(\w+)\((.*?)^\)", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r'"([^":]+\.(?:cc|h))"')


def files(root, *suffixes):
    """Yields (path relative to root, text) of the files whose name ends in a suffix."""
    for folder in _FOLDERS:
        for parent, subfolders, names in os.walk(root / folder):
            subfolders[:] = sorted(set(subfolders) - _SKIPPED)
            for name in sorted(names):
                path = pathlib.Path(parent, name)
                if name.endswith(suffixes):
                    yield path.relative_to(root).as_posix(), path.read_text()


def named_in_tests(build_text):
    """The C++ files that the tests and the testonly targets of a BUILD file name."""
    names = set()
    for rule, body in _TARGET.findall(build_text):
        if rule.endswith("_test") or "testonly = True" in body:
            names |= set(_FILE_NAME.findall(body))
    return names


def test_files(root):
    """The paths of all C++ files that are there for tests alone."""
    return {
        f"{pathlib.PurePosixPath(path).parent}/{name}"
        for path, text in files(root, "BUILD.bazel")
        for name in named_in_tests(text)
    }
