"""Checks the rules of the house that no other tool knows.

- A file has at most 450 lines: it holds one idea.
- Clocks are read, and threads put to sleep, only where time is the subject; everything
  else is given a clock, so that tests and the simulator choose the time.
- A TODO says in brackets what it waits for: TODO(etcd store): elect a leader.
- Every test states its size, because the default is a guess of five minutes.
"""

import pathlib
import re
import sys

import sources

_MAX_LINES = 450

_CODE = (".h", ".cc", ".py", ".bzl", ".sh", ".js", ".proto")
# Kept as their authors publish them.
_FOREIGN = re.compile(r"protos/google/")

_CLOCK = re.compile(
    r"\b(std::this_thread::sleep_(for|until)|(system|steady|high_resolution)_clock::now"
    r"|clock_gettime|gettimeofday|nanosleep|usleep|absl::(Now|SleepFor|GetCurrentTimeNanos))\b"
)
# The clock itself, the client's clock, and tests, which wait for other processes.
_CLOCK_ALLOWED = re.compile(r"(services/common/clock|clients/.*/clock)[^/]*$|tests/")

_TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\([^)]+\): \S)")

_TEST_RULE = re.compile(r"^(?:cc|py|sh)_test\((.*?)^\)", re.MULTILINE | re.DOTALL)


def _line(text, match):
    return text.count("\n", 0, match.start()) + 1


def _without_comments(text):
    """The C++ text with the content of its line comments blanked."""
    return re.sub(r"//[^\n]*", "", text)


def code_findings(path, text, for_tests=False):
    lines = text.count("\n")
    if lines > _MAX_LINES:
        yield f"{path}: {lines} lines, and {_MAX_LINES} are the limit"
    # This file has to spell out what it looks for.
    if path != "bazel/lint/house_rules.py":
        for match in _TODO.finditer(text):
            yield f"{path}:{_line(text, match)}: say what it waits for: TODO(reason): what"
    if path.endswith((".h", ".cc")) and not for_tests and not _CLOCK_ALLOWED.match(path):
        code = _without_comments(text)
        for match in _CLOCK.finditer(code):
            yield f"{path}:{_line(code, match)}: {match.group(0)}: take a clock instead"


def build_findings(path, text):
    for match in _TEST_RULE.finditer(text):
        if "size =" not in match.group(1):
            yield f"{path}:{_line(text, match)}: this test needs a size"


def main(root):
    found = []
    for_tests = sources.test_files(root)
    for path, text in sources.files(root, *_CODE):
        if not _FOREIGN.match(path):
            found += code_findings(path, text, path in for_tests)
    for path, text in sources.files(root, "BUILD.bazel"):
        found += build_findings(path, text)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
