"""Sums up the test cases of several runs of Bazel.

Reads NAME.json (Bazel's build events) and NAME.status (its exit code) for each run
in the given folder. Prints what was skipped and why, what failed with its log, the
figures of each run, and as the last line `N passed, M failed`, with `, K skipped` if
there are any. Whatever failed without having reported test cases counts as one failure:
a target that does not build, a test that crashed or timed out, a run that ended in an
error of its own.
The exit code is 1 if anything failed.
"""

import dataclasses
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree

# Bazel's exit code for "there are no tests among these targets".
_NO_TESTS = 4


@dataclasses.dataclass
class Figures:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    # What was skipped, and why, as far as a report tells.
    skips: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.skips += other.skips

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def _is_skipped(case):
    return (
        case.find("skipped") is not None
        or case.get("result") in ("skipped", "suppressed")
        or case.get("status") == "notrun"
    )


def count_cases(xml_path):
    """The figures of one test.xml; nothing is counted if it cannot be read."""
    figures = Figures()
    try:
        root = xml.etree.ElementTree.parse(xml_path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return figures
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            figures.failed += 1
        elif _is_skipped(case):
            figures.skipped += 1
            reason = case.find("skipped")
            if reason is not None:
                name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
                figures.skips.append(f"{name}: {' '.join(reason.get('message', '').split())}")
        else:
            figures.passed += 1
    return figures


def _output(event, name):
    for output in event["testResult"].get("testActionOutput", []):
        if output["name"] == name:
            return urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
    return ""


def _last_attempts(events):
    """The last attempt of each shard and run of each test."""
    last = {}
    for event in events:
        if "testResult" in event.get("id", {}) and "testResult" in event:
            key = event["id"]["testResult"]
            last[key["label"], key.get("run"), key.get("shard")] = event
    return last


def summarise(events, status):
    """Returns the figures of one run and a line for each failure."""
    figures = Figures()
    failures = []
    for (label, _, _), event in sorted(_last_attempts(events).items(), key=str):
        cases = count_cases(_output(event, "test.xml"))
        if event["testResult"]["status"] not in ("PASSED", "FLAKY"):
            # Without a report of its own, the test as a whole is what failed.
            cases.failed = max(cases.failed, 1)
            failures.append(f"{label}  {_output(event, 'test.log')}")
        cases.skips = [f"{label}  {skip}" for skip in cases.skips]
        figures.add(cases)
    for event in events:
        if "targetCompleted" in event.get("id", {}) and not event.get("completed", {}).get("success"):
            label = event["id"]["targetCompleted"]["label"]
            if not any(failure.split("  ")[0] == label for failure in failures):
                figures.failed += 1
                reason = event.get("aborted", {}).get("reason", "")
                failures.append(f"{label}  does not build" + (f" ({reason})" if reason else ""))
    if status not in (0, _NO_TESTS) and not failures:
        figures.failed += 1
        failures.append(f"bazel  ended with exit code {status}")
    return figures, failures


def main(folder):
    total = Figures()
    lines = []
    # In the order in which they ran.
    runs = sorted(folder.glob("*.status"), key=lambda path: path.stat().st_mtime_ns)
    for status_file in runs:
        events_file = status_file.with_suffix(".json")
        text = events_file.read_text() if events_file.exists() else ""
        events = [json.loads(line) for line in text.splitlines()]
        figures, failures = summarise(events, int(status_file.read_text()))
        total.add(figures)
        lines += [f"SKIPPED in {status_file.stem}: {skip}" for skip in figures.skips]
        lines += [f"FAILED in {status_file.stem}: {failure}" for failure in failures]
        lines.append(f"{status_file.stem}: {figures}")
    print("\n".join(["", *lines, "", str(total)]))
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
