"""Until when a lease may be relied on, and how long to pause before another try.

Moments are seconds of CLOCK_BOOTTIME, which goes on while the machine sleeps; spans are
seconds.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from typing import Callable, Optional

Clock = Callable[[], float]

# Two clocks may run at speeds that differ by this much.
_DRIFT = 0.002
# What reading a clock may be off by.
_GRANULARITY = 0.002

FOREVER = math.inf


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class LeaseTimes:
    """Until `deadline` nobody else has the lock; at `lost_at`, a little earlier, the lease is
    given up for lost, so that its holder hears of it in time."""

    deadline: float
    lost_at: float


def lease_times(sent: float, elapsed: float, remaining: Optional[float]) -> LeaseTimes:
    """Of a grant or renewal that was asked for at `sent`, `elapsed` later had `remaining`
    left, and lasts for ever if that is None."""
    if remaining is None:
        return LeaseTimes(FOREVER, FOREVER)
    # A server that claims negative spans is out of order; nothing follows from them.
    waited, left = max(elapsed, 0.0), max(remaining, 0.0)
    deadline = sent + waited + left - (waited + left) * _DRIFT - _GRANULARITY
    return LeaseTimes(deadline, deadline - min(max(left / 20, 0.001), 0.25))


class Backoff:
    """Rises from `first` to `most` by half each time. Each pause is drawn from the upper half
    of its range, so that those who were cut off together do not come back together."""

    def __init__(self, first: float = 0.05, most: float = 2.0) -> None:
        self._next = first
        self._most = most

    def next(self) -> float:
        pause = self._next / 2 + self._next / 2 * random.random()
        self._next = min(self._most, self._next * 1.5)
        return pause
