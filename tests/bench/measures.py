"""What is measured: which rows take part, in which settings, and how.

Within a repetition every row of a setting runs right after the other, so that rows that
are compared meet the same load of the machine.
"""

import contextlib
import dataclasses
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import floor
import processes
import servers

_HERE = pathlib.Path(__file__).resolve().parent
_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long and how much."""

    repetitions: int = 7
    seconds: float = 1
    warm_up: float = 0.4
    # Connections x outstanding on each.
    shapes: tuple = ("1x1", "4x4", "4x16", "64x1", "16x16", "16x64")
    commands: tuple = (1, 8, 64, 512)  # In a commit.
    waiters: tuple = (1, 10, 1000, 10_000)
    python_callers: tuple = (1, 8)  # Processes.
    idle: int = 10_000
    leases: int = 100_000
    held: int = 1_000_000


QUICK = Effort(
    repetitions=3,
    seconds=0.4,
    warm_up=0.2,
    shapes=("1x1", "4x16"),
    commands=(1, 64),
    waiters=(1, 100),
    idle=1000,
    leases=5_000,
    held=50_000,
)


class Failed(Exception):
    """A measurement has not come to a figure; the message says why."""


class Load:
    """Runs the load program against the servers that run."""

    def __init__(self, binaries, running, effort, scratch):
        self._binaries = binaries
        self._running = running
        self.effort = effort
        self.scratch = scratch

    def server(self, row):
        return self._running[row.server]

    def run(self, row, measure, server=None, **flags):
        """The figures of one run. Failed: it has ended without any."""
        timed = {"seconds": self.effort.seconds, "warm_up": self.effort.warm_up, **flags}
        return _run(self._command(row, measure, server or self.server(row), timed))

    def start(self, row, measure, **flags):
        """A load program that goes on by itself: subprocess.Popen."""
        command = self._command(row, measure, self.server(row), flags)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _command(self, row, measure, server, flags):
        program = [str(self._binaries / "tests/bench/load/load"), f"--service={row.service}"]
        if row.service == "diskcache":
            program = ["/usr/bin/python3", str(_HERE / "diskcache_load.py")]
        if row.python:
            program = [str(self._binaries / "tests/bench/python_load"), f"--service={row.service}"]
        flags = {"measure": measure, "address": server.address, "server_pid": server.pid, **flags}
        return [*program, *(f"--{n.replace('_', '-')}={v}" for n, v in flags.items())]

    def scan(self, database):
        """Seconds in which RocksDB alone opens the database and reads all of it."""
        return _run([str(self._binaries / "tests/bench/store/store_scan"), database])["seconds"]

    def commit(self, what, commands):
        """Batches of so many commands, to a store or a file of their own."""
        program = str(self._binaries / "tests/bench/store/commit_load")
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            return _run([program, what, folder, commands, str(self.effort.seconds)])


def _run(argv):
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            output, errors = run.communicate(timeout=300)
        except BaseException as error:
            run.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed("it took longer than five minutes") from error
            raise
    if run.returncode != 0:
        said = errors.strip().splitlines() or [f"exit code {run.returncode}"]
        raise Failed(said[0])
    return json.loads(output)


def _pairs(load, row, shape):
    connections, each = (int(number) for number in shape.split("x"))
    return load.run(row, "pairs", connections=connections, outstanding=connections * each)


def _can_be_outstanding(row, shape):
    connections, each = (int(number) for number in shape.split("x"))
    return connections * each <= row.most_outstanding


def _connections_for(row, waiters):
    """Enough that nobody's release queues behind others' waits."""
    if row.service == "postgres":
        return waiters + 1
    return min(100, max(1, waiters // 100))


def _hand_over(load, row, waiters):
    return load.run(
        row, "hand-over", waiters=waiters, connections=_connections_for(row, int(waiters))
    )


def _idle(load, row, waiters):
    """On a server of its own, whose memory is not what earlier load has left."""
    server = load.server(row).another()
    try:
        load.run(row, "ready", server)
        connections = _connections_for(row, int(waiters))
        return load.run(row, "idle", server, waiters=waiters, connections=connections)
    finally:
        server.stop()
        server.remove()


def _renewals(load, row, leases):
    return load.run(row, "renewals", connections=4, outstanding=64, leases=leases)


def _renew_all(load, row, leases):
    return load.run(row, "renew-all", leases=leases, outstanding=min(100, int(leases)))


def _killed(load, row, setting):
    """From before a holder is killed to the grant of the one that waits."""
    del setting
    taken = []
    for attempt in range(10):
        name = f"orders/killed-{time.monotonic_ns()}-{attempt}"
        with contextlib.ExitStack() as stack:
            holder = stack.enter_context(load.start(row, "hold", key=name))
            stack.callback(holder.kill)
            if not holder.stdout.readline():
                raise Failed("the holder was refused")
            waiter = stack.enter_context(load.start(row, "wait", key=name))
            stack.callback(waiter.kill)
            time.sleep(0.2)  # It is a program that starts, connects and queues.
            begin = time.monotonic()
            holder.kill()
            answer = waiter.stdout.readline()
            if not answer:
                raise Failed("the waiter was refused")
            taken.append((json.loads(answer)["at_s"] - begin) * 1e6)
    if min(taken) < 0:
        raise Failed("a waiter was granted a lock that was held")
    return {"p50_us": statistics.median(taken), "max_us": max(taken)}


def _python(load, row, callers):
    return load.run(row, "python", callers=callers)


def _lapse(load, row, leases):
    return load.run(row, "lapse", connections=4, leases=leases)


def _seconds_until_ready(load, row, server):
    begin = time.monotonic()
    server.start()
    return load.run(row, "ready", server)["at_s"] - begin


def _held(load, row, leases):
    """Memory and start-up, on a server of its own that starts empty."""
    running = load.server(row)
    server = running.another()
    try:
        load.run(row, "ready", server)
        empty = processes.resident_bytes(server.pid)
        filled = load.run(
            row, "fill", server, connections=16, outstanding=256, leases=leases, expire=_DAY
        )
        found = {
            "fill_rate": filled["rate"],
            "bytes_per_lock": (processes.resident_bytes(server.pid) - empty) / int(leases),
        }
        server.stop()
        found["start_s"] = _seconds_until_ready(load, row, server)
        found["bytes_per_lock_after_start"] = (
            processes.resident_bytes(server.pid) - empty
        ) / int(leases)
        server.stop()
        if row.server.startswith("holdfast"):
            found["scan_s"] = load.scan(servers.holdfast_data(server.folder) / "db")
        return found
    finally:
        server.stop()
        server.remove()


_STORES = {"bare": "append", "holdfast-process": "process", "holdfast-sync": "sync"}


def _commit(load, row, commands):
    return load.commit(_STORES[row.name], commands)


# What is held against its floor, which is measured in the same repetitions.
_WITH_FLOOR = (("pairs", "1x1"), ("hand-over", "1"), ("python", "1"))


def _floor(load, rows):
    """The least that one caller can take: durable writes of the disk alone, and p50 of a
    pair with the bare server, over unary calls and over a session, if they are there."""
    found = floor.measure(load.scratch, max(50, int(200 * load.effort.seconds)))
    for row in rows:
        if row.server == "bare" and not row.python:
            pairs = load.run(row, "pairs", connections=1, outstanding=1)
            name = "session_pair" if row.session else "pair"
            found[f"{name}_us"], found[f"{name}_p10_us"] = pairs["p50_us"], pairs["p10_us"]
    return found


@dataclasses.dataclass(frozen=True)
class Measure:
    name: str
    title: str
    run: object  # (load, row, setting) -> dict of figures
    settings: object  # Effort -> settings
    takes_part: object  # (row, setting) -> bool
    most_repetitions: int = 100  # Fewer for what takes long.


MEASURES = (
    Measure(
        "commit",
        "Commits of the store alone, beside an append and fdatasync",
        _commit,
        lambda effort: [str(number) for number in effort.commands],
        lambda row, commands: row.name in _STORES,
    ),
    Measure(
        "pairs",
        "Pairs of acquire and release on free keys",
        _pairs,
        lambda effort: effort.shapes,
        _can_be_outstanding,
    ),
    Measure(
        "hand-over",
        "Hand-over: from the release to the next waiter's grant",
        _hand_over,
        lambda effort: [str(number) for number in effort.waiters],
        lambda row, waiters: int(waiters) <= row.most_waiters,
        most_repetitions=3,
    ),
    Measure(
        "renewals",
        "Renewals, in turn through many leases",
        _renewals,
        lambda effort: (str(effort.leases),),
        lambda row, leases: row.renews,
        most_repetitions=3,
    ),
    Measure(
        "renew-all",
        "All leases of a session renewed by one message",
        _renew_all,
        lambda effort: ("1000",),
        lambda row, leases: row.session,
    ),
    Measure(
        "killed",
        "From kill -9 of the holder to the waiter's grant",
        _killed,
        lambda effort: ("1 waiter",),
        lambda row, setting: row.bound,
        most_repetitions=3,
    ),
    Measure(
        "python",
        "Locks of Python packages: pairs of one, or hand-overs among processes that contend",
        _python,
        lambda effort: [str(number) for number in effort.python_callers],
        # The bare server lets everybody in.
        lambda row, callers: row.python and (callers == "1" or row.server != "bare"),
        most_repetitions=3,
    ),
    Measure(
        "lapse",
        "Others' pairs while leases lapse in one moment",
        _lapse,
        lambda effort: (str(effort.leases),),
        lambda row, leases: row.name.startswith(("holdfast-", "session-"))
        or row.name == "redis-always",
        most_repetitions=3,
    ),
    Measure(
        "idle",
        "Waiters at rest",
        _idle,
        lambda effort: (str(effort.idle),),
        lambda row, waiters: row.server.startswith("holdfast-") and row.most_waiters > 0,
        most_repetitions=3,
    ),
    Measure(
        "held",
        "Held locks: memory, and starting with them",
        _held,
        lambda effort: (str(effort.held),),
        lambda row, leases: row.name in ("holdfast-process", "redis-everysec"),
        most_repetitions=1,
    ),
)

BY_NAME = {measure.name: measure for measure in MEASURES}


def run_all(measures, rows, load, results, say):
    """Adds every sample to the results. What fails is said and left out."""
    for measure in measures:
        for setting in measure.settings(load.effort):
            taking_part = [row for row in rows if measure.takes_part(row, setting)]
            if taking_part:
                say(f"{measure.name} {setting}: {', '.join(row.name for row in taking_part)}")
                _run_setting(measure, setting, taking_part, rows, load, results, say)


def _run_setting(measure, setting, taking_part, rows, load, results, say):
    failed = set()
    for repetition in range(min(measure.most_repetitions, load.effort.repetitions)):
        if (measure.name, setting) in _WITH_FLOOR:
            beside = f"{measure.name} {setting}"
            results.add("floor", beside, "disk", repetition, _floor(load, rows))
        for row in taking_part:
            if row.name in failed:
                continue
            try:
                values = measure.run(load, row, setting)
                results.add(measure.name, setting, row.name, repetition, values)
            except Failed as failure:
                failed.add(row.name)
                results.fail(measure.name, setting, row.name, str(failure))
                say(f"{measure.name} {setting}: {row.name}: {failure}")
