"""Runs test programs with one mutant switched on, without Bazel."""

import dataclasses
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time

# A test counts as hanging after several times what it takes without a mutant.
_TIMES = 5
_AT_LEAST = 10.0
# Tests that take longer than this have threads, processes and waits in them, and may fail on
# a busy machine by themselves: a failure of theirs has to happen twice.
_QUICK = 0.5
# What a mutant that goes on for ever may take of memory, and of room for a file.
_MEMORY = 3 << 30
_FILE = 256 << 20
# Where tests put their files: in memory if there is room. What a sync costs is of no interest
# here, and several tests at once would wait for one disk.
_FAST, _ROOM = "/dev/shm", 2 << 30

_FAILED = re.compile(r"^\[  FAILED  \] ([\w/.]+)", re.MULTILINE)


@dataclasses.dataclass
class Test:
    label: str
    stage: str
    program: pathlib.Path
    arguments: tuple = ()
    seconds: float = 0.0  # of a run without a mutant


@dataclasses.dataclass(frozen=True)
class Outcome:
    passed: bool
    seconds: float
    why: str = ""  # if it has not passed


@dataclasses.dataclass
class Verdict:
    """What became of one mutant. `killed_by` is None for a survivor."""

    killed_by: Test | None
    why: str
    ran: list


def _limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, _FILE))


def run(test, number, timeout):
    """One run of the test with the mutant of this number; 0 is none."""
    # Short: the path of a Unix socket has at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="hfm-", dir=_scratch())
    runfiles = pathlib.Path(f"{test.program}.runfiles")
    workspace = _workspace_of(runfiles)
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": folder,
        "TMPDIR": folder,
        "TEST_TMPDIR": folder,
        "TEST_SRCDIR": str(runfiles),
        "RUNFILES_DIR": str(runfiles),
        "TEST_WORKSPACE": workspace.name if workspace else "",
        "GTEST_FAIL_FAST": "1",
        "HOLDFAST_MUTANT": str(number),
    }
    start = time.monotonic()
    try:
        with open(f"{folder}/.output", "wb") as output:
            process = subprocess.Popen(
                [test.program, *test.arguments], cwd=workspace or folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=_limits,
            )  # fmt: skip
            _running[process] = folder
            ended = _has_ended(process, timeout)
            _end_group(process)
            code = process.wait()
        seconds = time.monotonic() - start
        if not ended:
            return Outcome(False, seconds, "timeout")
        if code == 0:
            return Outcome(True, seconds)
        return Outcome(False, seconds, _why(code, f"{folder}/.output"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scratch():
    try:
        return _FAST if shutil.disk_usage(_FAST).free > _ROOM else "/tmp"
    except OSError:
        return "/tmp"


def _workspace_of(runfiles):
    """The folder in which Bazel starts a test, for one that has files to find."""
    folders = sorted(p for p in runfiles.iterdir() if p.is_dir()) if runfiles.is_dir() else []
    ours = [p for p in folders if p.name in ("holdfast", "__main__")]
    return (ours or folders or [None])[0]


def _has_ended(process, timeout):
    """Waits for that. Its number stays its own until it is asked for its exit code, so that
    ending its group cannot meet somebody else's."""
    descriptor = os.pidfd_open(process.pid)
    try:
        ready, _, _ = select.select([descriptor], [], [], timeout)
        return bool(ready)
    finally:
        os.close(descriptor)


# The tests that run just now, in threads, and their folders.
_running = {}


def end_all():
    """Ends all tests: each has a session of its own, which Ctrl-C does not reach."""
    for process, folder in list(_running.items()):
        _end_group(process)
        shutil.rmtree(folder, ignore_errors=True)


def _end_group(process):
    """Ends the test and whatever it has started and left behind."""
    _running.pop(process, None)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _why(code, output):
    failed = _FAILED.search(pathlib.Path(output).read_text(errors="replace"))
    if failed:
        return failed.group(1)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def timeout_of(test):
    return max(_AT_LEAST, _TIMES * test.seconds)


def try_mutant(number, tests, runner=run):
    """Runs the tests in their order until one fails."""
    ran = []
    for test in tests:
        ran.append(test)
        outcome = runner(test, number, timeout_of(test))
        if not outcome.passed and outcome.why != "timeout" and test.seconds > _QUICK:
            outcome = runner(test, number, timeout_of(test))
        if not outcome.passed:
            return Verdict(test, outcome.why, ran)
    return Verdict(None, "", ran)
