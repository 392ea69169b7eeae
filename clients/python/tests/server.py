"""A real holdfastd in a process and a folder of its own, for a test."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import holdfast


class Server:
    """It listens on a Unix socket in its folder, which stays until the object is closed."""

    def __init__(self, *flags):
        # A Unix socket's path has at most 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="hf", dir="/tmp")
        self.address = f"unix:{self.folder}/s"
        self._flags = flags
        self._process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def start(self):
        program = os.environ.get("HOLDFASTD", "services/lock/main/holdfastd")
        log = open(f"{self.folder}/log", "ab")
        command = [program, f"--data-dir={self.folder}/data", f"--listen={self.address}"]
        # Tests that are stopped take it along.
        self._process = subprocess.Popen([*command, *self._flags], stdout=log, stderr=log)
        log.close()
        holdfast.Client(self.address, call_timeout=30).get("ready?")

    def kill(self):
        """As a crash does."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        self._process.terminate()
        if self._process.wait(30) != 0:
            raise AssertionError(pathlib.Path(self.folder, "log").read_text())

    def suspend(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(condition, what):
    """For what is told to nobody. Fails after 20 s."""
    import time

    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.005)


def wait_for_queue(client, key, length):
    wait_until(lambda: client.get(key).queue_length == length, f"{length} waiters for {key}")
