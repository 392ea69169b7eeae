"""The benchmark runs, and leaves nothing behind. No figure is asserted: machines differ."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

_PYTHON = ("python-bare", "python-holdfast")
_ROWS = ("bare", "bare-session", "holdfast-process", "flock")
_BENCH = pathlib.Path(__file__).resolve().parent / "bench.py"


def _command(scratch, *flags):
    # Tests are run from the folder below which everything built lies.
    brief = ("--seconds=0.1", "--warm-up=0.05", "--repetitions=2")
    where = (f"--binaries={os.getcwd()}", f"--scratch={scratch}")
    return [sys.executable, _BENCH, *where, f"--rows={','.join(_ROWS + _PYTHON)}", *brief, *flags]


def _processes_below(folder):
    """The command lines that name the folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # It has just ended.
        if f"{folder}/hf-bench-" in command:
            found.append(command)
    return found


class BenchRunTest(unittest.TestCase):
    def setUp(self):
        # A Unix socket's path is short.
        folder = tempfile.TemporaryDirectory(dir="/tmp", prefix="hf-")
        self.addCleanup(folder.cleanup)
        self.scratch = folder.name

    def _assert_nothing_left(self):
        self.assertEqual(_processes_below(self.scratch), [])
        self.assertEqual(os.listdir(self.scratch), [])

    def test_every_row_is_measured_and_every_server_ended(self):
        with tempfile.TemporaryDirectory() as out:
            saved, drawn = pathlib.Path(out, "all.json"), pathlib.Path(out, "pairs.svg")
            measures = "--measures=pairs,hand-over,renewals,renew-all,python"
            run = subprocess.run(
                _command(
                    self.scratch,
                    measures,
                    "--shapes=1x1,2x2",
                    "--waiters=2",
                    "--leases=100",
                    "--python-callers=1",
                    f"--json={saved}",
                    f"--svg={drawn}",
                ),
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(run.returncode, 0, run.stderr)
            found = json.loads(saved.read_text())
            self.assertEqual(found["failures"], [])
            measured = {
                (sample["measure"], sample["setting"], sample["row"], sample["repetition"])
                for sample in found["samples"]
            }
            wanted = {
                (measure, setting, row, repetition)
                for repetition in (0, 1)
                for measure, setting, rows in (
                    ("floor", "pairs 1x1", ("disk",)),
                    ("pairs", "1x1", _ROWS),
                    ("pairs", "2x2", _ROWS),
                    ("hand-over", "2", ("holdfast-process", "flock")),
                    ("renewals", "100", ("bare", "bare-session", "holdfast-process")),
                    ("renew-all", "1000", ("bare-session",)),
                    ("floor", "python 1", ("disk",)),
                    ("python", "1", _PYTHON),
                )
                for row in rows
            }
            self.assertEqual(measured, wanted)
            for row in _ROWS:
                self.assertIn(row, run.stdout)
                self.assertIn(row, drawn.read_text())
        self._assert_nothing_left()

    def test_an_interrupted_run_ends_its_servers(self):
        run = subprocess.Popen(
            _command(self.scratch, "--measures=pairs", "--shapes=1x1", "--repetitions=1000"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # It says what it measures once the servers serve.
        self.assertIn("pairs", run.stderr.readline())
        self.assertNotEqual(_processes_below(self.scratch), [])
        run.send_signal(signal.SIGINT)
        run.communicate()
        self.assertEqual(run.returncode, 130)
        self._assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
