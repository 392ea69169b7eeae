"""Servers that end with the benchmark, however it ends."""

import ctypes
import os
import pathlib
import pwd
import signal
import subprocess

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def cpu_count():
    return len(os.sched_getaffinity(0))


def resident_bytes(pid):
    """The process's resident memory."""
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Process:
    """A server in a session of its own, so that Ctrl-C reaches the benchmark alone.

    The kernel kills it if the benchmark dies, and `stop` ends it at once: with a
    signal that asks, and after ten seconds with one that does not.
    """

    def __init__(self, argv, log, user=None, environment=None, stop_signal=signal.SIGTERM):
        self._stop_signal = stop_signal
        identity = pwd.getpwnam(user) if user else None

        def before_exec():
            if identity:
                os.setgroups([])
                os.setgid(identity.pw_gid)
                os.setuid(identity.pw_uid)
            # After the change of user, which would undo it.
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        self._log = log
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=before_exec,
            )

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def last_words(self):
        return "\n".join(pathlib.Path(self._log).read_text(errors="replace").splitlines()[-5:])

    def stop(self):
        if self.running():
            self._child.send_signal(self._stop_signal)
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()
