"""What goes on beside the program: timers, renewals, and releases that are sent again.

One thread waits for timers and never blocks otherwise; up to four others make calls. All are
begun when there is something to do, are daemons, and serve all locks of a client.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from typing import Any, Callable, Generator

from ._drive import Caller, run
from ._times import Clock

_MOST_CALLERS = 4

# A thread's waiting stands still while the machine sleeps; so it looks at the clock now and
# then.
_LONGEST_WAIT = 5.0


class Timer:
    """Something that is due at a moment. `cancel` may come at any time, in any thread."""

    __slots__ = ("_task", "cancelled")

    def __init__(self, task: Callable[[], None]) -> None:
        self._task = task
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self._task = _nothing

    def fire(self) -> None:
        self._task()


def _nothing() -> None:
    pass


def _carry_out(steps: Generator[Any, Any, Any], caller: Caller) -> None:
    run(steps, caller)


class Background:
    """Thread-safe. A forked child has one of its own: see Core."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._timers_changed = threading.Condition(self._mutex)
        self._jobs_changed = threading.Condition(self._mutex)
        self._job_done = threading.Condition(self._mutex)
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._timer_thread = False
        self._jobs: deque[Callable[[], None]] = deque()
        self._callers = 0
        self._idle = 0
        self._unfinished = 0

    def at(self, when: float, task: Callable[[], None]) -> Timer:
        """Has `task`, which must not block, called at that moment of the clock."""
        timer = Timer(task)
        with self._mutex:
            if len(self._timers) > 64 and len(self._timers) % 64 == 0:
                self._drop_cancelled()
            heapq.heappush(self._timers, (when, next(self._order), timer))
            if not self._timer_thread:
                self._timer_thread = True
                threading.Thread(target=self._wait, name="holdfast-timers", daemon=True).start()
            elif self._timers[0][2] is timer:
                self._timers_changed.notify()
        return timer

    def do(self, job: Callable[[], None]) -> None:
        """Has `job` called in a thread where it may block."""
        with self._mutex:
            self._jobs.append(job)
            self._unfinished += 1
            if self._idle:
                self._jobs_changed.notify()
            elif self._callers < _MOST_CALLERS:
                self._callers += 1
                threading.Thread(target=self._work, name="holdfast-calls", daemon=True).start()

    def carry_out(self, steps: Generator[Any, Any, Any], caller: Caller) -> None:
        """Carries the steps out, of whose end nobody needs to hear."""
        self.do(lambda: _carry_out(steps, caller))

    def drain(self, limit: float) -> bool:
        """Waits for what there is to do, for at most `limit` seconds; whether it is done."""
        with self._mutex:
            return self._job_done.wait_for(lambda: self._unfinished == 0, limit)

    def _drop_cancelled(self) -> None:
        self._timers = [entry for entry in self._timers if not entry[2].cancelled]
        heapq.heapify(self._timers)

    def _wait(self) -> None:
        while True:
            with self._mutex:
                now = self._clock()
                while not self._timers or self._timers[0][0] > now:
                    left = self._timers[0][0] - now if self._timers else _LONGEST_WAIT
                    self._timers_changed.wait(min(left, _LONGEST_WAIT) if self._timers else None)
                    now = self._clock()
                timer = heapq.heappop(self._timers)[2]
            timer.fire()

    def _work(self) -> None:
        while True:
            with self._mutex:
                while not self._jobs:
                    self._idle += 1
                    self._jobs_changed.wait()
                    self._idle -= 1
                job = self._jobs.popleft()
            try:
                job()
            finally:
                with self._mutex:
                    self._unfinished -= 1
                    self._job_done.notify_all()
