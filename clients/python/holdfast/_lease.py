"""A lease: what its holder may know of it, at any time and in any thread."""

from __future__ import annotations

import asyncio
import enum
import threading
from typing import Callable, Optional

from . import _fork
from ._background import Background, Timer
from ._options import Spec
from ._steps import Grant
from ._times import FOREVER, Clock, LeaseTimes
from .errors import LockLostError


class LeaseState(enum.Enum):
    """UNCERTAIN: ours until the deadline, but the last renewal did not get through."""

    HELD = "held"
    UNCERTAIN = "uncertain"
    LOST = "lost"
    RELEASED = "released"


class Lease:
    """One grant of a lock. Thread-safe. In a forked child it is lost: it is the parent's.

    `fencing_token` is larger than that of every earlier grant, of any key: have whatever the
    lock protects refuse a smaller one than the largest it has seen. See docs/leases.md.
    """

    def __init__(self, spec: Spec, grant: Grant, background: Background, clock: Clock) -> None:
        self._spec = spec
        self._lease_id = grant.lease_id
        self._token = grant.fencing_token
        self._times = grant.times
        self._background = background
        self._clock = clock
        self._generation = _fork.generation
        self._mutex = threading.Lock()
        self._state = LeaseState.HELD
        self._why: Optional[str] = None
        self._reason = ""
        # The server has said so over its session, and may have forgotten the id.
        self._ended_by_server = False
        self._callbacks: list[Callable[[], object]] = []
        self._event: Optional[threading.Event] = None
        self._lapse: Optional[Timer] = None

    def __repr__(self) -> str:
        return f"<Lease of {self._spec.key!r}, token {self._token}, {self.state.value}>"

    @property
    def key(self) -> str:
        """The lock's key on the server."""
        return self._spec.key

    @property
    def lease_id(self) -> str:
        """A secret: whoever knows it can renew and release the lease."""
        return self._lease_id

    @property
    def fencing_token(self) -> int:
        return self._token

    token = fencing_token

    @property
    def owner(self) -> str:
        return self._spec.owner

    @property
    def expire(self) -> Optional[float]:
        """Seconds that it lasts from its grant or last renewal; None: until it is released."""
        return self._spec.expire

    @property
    def deadline(self) -> float:
        """Nobody else has the lock before this moment of CLOCK_BOOTTIME, in seconds."""
        return self._times.deadline

    @property
    def remaining(self) -> float:
        """Seconds until it is lost unless it is renewed; zero when it is."""
        return max(self._times.lost_at - self._clock(), 0.0) if self.valid else 0.0

    @property
    def state(self) -> LeaseState:
        if self._generation != _fork.generation:
            return LeaseState.LOST
        if self._state in (LeaseState.HELD, LeaseState.UNCERTAIN) and self._lapsed():
            self._lose("it was not renewed before its deadline", "LEASE_EXPIRED")
        return self._state

    @property
    def valid(self) -> bool:
        """Whether it may be relied on, until `deadline`."""
        return self.state in (LeaseState.HELD, LeaseState.UNCERTAIN)

    @property
    def lost(self) -> threading.Event:
        """Set a little before the deadline unless the lease is renewed or released by then, or
        when the server has told that it has ended."""
        if self._generation != _fork.generation:
            event = threading.Event()
            event.set()
            return event
        if self._event is None:
            event = threading.Event()
            with self._mutex:
                if self._event is None:
                    self._event = event
            self.on_lost(self._event.set)
        return self._event

    def on_lost(self, callback: Callable[[], object]) -> None:
        """Has `callback` called once the lease is lost, in a thread of the client's; at once
        if it is. It must be short."""
        with self._mutex:
            state = self._state
            if state is not LeaseState.LOST:
                self._callbacks.append(callback)
        if state is LeaseState.LOST:
            callback()
        else:
            self._watch()

    async def wait_lost(self) -> None:
        """Returns when the lease is lost."""
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()
        self.on_lost(lambda: call_soon(loop, lost.set))
        await lost.wait()

    def check(self) -> None:
        """LockLostError: the lease is not valid any more."""
        if not self.valid:
            raise self.lost_error()

    def lost_error(self) -> LockLostError:
        if self._generation != _fork.generation:
            why = "it belongs to the process that this one was forked from"
        else:
            why = self._why or "it was released"
        return LockLostError(f'the lease on "{self.key}" is lost: {why}', reason=self._reason)

    # --- Of the package ---

    def _lapsed(self) -> bool:
        return self._clock() >= self._times.lost_at

    def _watch(self) -> None:
        with self._mutex:
            if self._lapse is not None or self._times.lost_at == FOREVER:
                return
            self._lapse = self._background.at(self._times.lost_at, self._on_lapse)

    def _on_lapse(self) -> None:
        self._lapse = None
        if self._state in (LeaseState.HELD, LeaseState.UNCERTAIN) and not self._lapsed():
            self._watch()  # It was renewed meanwhile.
        else:
            self.state

    def _extend(self, times: LeaseTimes) -> bool:
        """Whether it is valid until then; a lease that was lost is not found again."""
        if not self.valid:
            return False
        with self._mutex:
            if self._state not in (LeaseState.HELD, LeaseState.UNCERTAIN):
                return False
            self._state = LeaseState.HELD
            if times.deadline > self._times.deadline:
                self._times = times
            return True

    def _doubt(self) -> None:
        with self._mutex:
            if self._state is LeaseState.HELD:
                self._state = LeaseState.UNCERTAIN

    def _lose(self, why: str, reason: str) -> None:
        with self._mutex:
            if self._state in (LeaseState.LOST, LeaseState.RELEASED):
                return
            self._state, self._why, self._reason = LeaseState.LOST, why, reason
            callbacks, self._callbacks = self._callbacks, []
            self._forget_lapse()
        for callback in callbacks:
            callback()

    def _release(self) -> None:
        if self.state is LeaseState.LOST:
            return
        with self._mutex:
            if self._state is not LeaseState.LOST:
                self._state = LeaseState.RELEASED
                self._callbacks = []
                self._forget_lapse()

    def _forget_lapse(self) -> None:
        if self._lapse is not None:
            self._lapse.cancel()
            self._lapse = None


def call_soon(loop: asyncio.AbstractEventLoop, task: Callable[[], object]) -> None:
    """In the loop's thread, unless the loop has ended."""
    try:
        loop.call_soon_threadsafe(task)
    except RuntimeError:
        pass
