"""Whose lease a shared lock object means (docs/decisions/0302).

The object has one lease at a time, but for those that were lost: such a one stays until it
is released, so that a loss cannot be overlooked, and is in nobody's way. Threads and tasks
mean their own. One that has none means the oldest: so that a holder who comes late, after its
lease was lost, does not end the lease of its successor.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Optional

from ._lease import Lease
from .errors import LockAlreadyHeldError, LockNotHeldError


@dataclass
class Held:
    lease: Lease
    who: object
    # Somebody unknown has released an older one: it may be this one's holder who has not
    # heard of the loss.
    in_doubt: bool = False
    # Of a re-entrant lock.
    depth: int = 1


class Holders:
    """Thread-safe."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._mutex = threading.Lock()
        self._held: list[Held] = []

    def own(self, who: object) -> Optional[Held]:
        for held in self._held:
            if held.who is who:
                return held
        return None

    def current(self, who: object) -> Optional[Lease]:
        """Its own, or else the latest."""
        with self._mutex:
            held = self.own(who) or (self._held[-1] if self._held else None)
        return held.lease if held is not None else None

    def check_free(self, who: object) -> None:
        """LockAlreadyHeldError: `who` would wait for itself."""
        held = self.own(who)
        if held is None:
            return
        if held.lease.valid:
            raise LockAlreadyHeldError(
                f'"{self._key}" is held already, through this object, by who wants to acquire it'
            )
        raise LockAlreadyHeldError(
            f'release "{self._key}" before acquiring it again: its lease was lost'
        )

    def add(self, who: object, lease: Lease) -> None:
        """A grant proves that the leases before it have ended."""
        with self._mutex:
            before = list(self._held)
            self._held.append(Held(lease, who))
        for held in before:
            held.lease._lose("the lock was granted anew", "LEASE_ENDED")

    def take(self, who: object) -> Held:
        """Its own, or else the oldest. LockNotHeldError: there is none."""
        with self._mutex:
            held = self.own(who)
            if held is None:
                if not self._held:
                    raise LockNotHeldError(f'"{self._key}" is not held through this object')
                held = self._held[0]
                for other in self._held[1:]:
                    other.in_doubt = True
            else:
                held.in_doubt = False
            self._held.remove(held)
            return held

    def discard(self, lease: Lease) -> bool:
        """Whether it was there."""
        with self._mutex:
            for held in self._held:
                if held.lease is lease:
                    self._held.remove(held)
                    return True
        return False


_local = threading.local()


def this_thread() -> object:
    """One object for each thread, which no later thread has."""
    try:
        me: object = _local.me
    except AttributeError:
        me = _local.me = object()
    return me
