"""What the server tells about locks. Spans are seconds; None: without an end."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Optional

from . import _wire
from ._stubs import lease_event_pb2, lease_pb2, lock_service_pb2


@dataclass(frozen=True)
class Holder:
    """A lease, as everybody sees it. `held_since` is for people, by the server's clock.
    `principal` is who the server knows its holder to be; "": not known."""

    owner: str
    principal: str
    fencing_token: int
    tags: frozenset[str]
    expire: Optional[float]
    remaining: Optional[float]
    held_since: datetime
    held_for: float


@dataclass(frozen=True)
class Waiter:
    """`position` 1 is next in line. `parked`: it has no open call, and is skipped for now."""

    owner: str
    tags: frozenset[str]
    position: int
    waiting_for: float
    parked: bool


@dataclass(frozen=True)
class LockInfo:
    """One lock. `waiters` are the first hundred, and only in the answer to Client.get."""

    key: str
    holder: Optional[Holder]
    queue_length: int
    waiters: tuple[Waiter, ...]

    @property
    def locked(self) -> bool:
        return self.holder is not None


@dataclass(frozen=True)
class QueuePlace:
    """A place in a lock's queue. `position` 1 is next in line."""

    position: int
    queue_sequence: int
    holder: Optional[Holder]


class EventKind(enum.Enum):
    """HELD and SNAPSHOT_END are the beginning of a watch: what is held already."""

    UNKNOWN = 0
    HELD = 1
    SNAPSHOT_END = 2
    GRANTED = 3
    RELEASED = 4
    EXPIRED = 5
    FORCED = 6


@dataclass(frozen=True)
class LockEvent:
    """What has happened to a lease. `time` is for people, by the server's clock."""

    kind: EventKind
    sequence: int
    key: str
    tags: frozenset[str]
    owner: str
    fencing_token: int
    expire: Optional[float]
    time: datetime


@dataclass(frozen=True)
class ReleasedLocks:
    """The locks as they were just before; leases with a larger token were spared."""

    locks: tuple[LockInfo, ...]
    max_fencing_token: int


def _time(stamp: object) -> datetime:
    seconds = getattr(stamp, "seconds") + getattr(stamp, "nanos") / 1e9
    return datetime.fromtimestamp(seconds, timezone.utc)


def holder_from(holder: lease_pb2.Holder) -> Holder:
    return Holder(
        owner=holder.owner,
        principal=holder.principal,
        fencing_token=holder.fencing_token,
        tags=frozenset(holder.tags),
        expire=_wire.seconds(holder.expire) if holder.HasField("expire") else None,
        remaining=_wire.seconds(holder.remaining) if holder.HasField("remaining") else None,
        held_since=_time(holder.held_since),
        held_for=_wire.seconds(holder.held_for),
    )


def lock_from(lock: lease_pb2.Lock) -> LockInfo:
    waiters = (
        Waiter(
            owner=waiter.owner,
            tags=frozenset(waiter.tags),
            position=waiter.position,
            waiting_for=_wire.seconds(waiter.waiting_for),
            parked=waiter.parked,
        )
        for waiter in lock.waiters
    )
    return LockInfo(
        key=lock.key,
        holder=holder_from(lock.holders[0]) if lock.holders else None,
        queue_length=lock.queue_length,
        waiters=tuple(waiters),
    )


def place_from(queued: lock_service_pb2.WaitEvent.Queued) -> QueuePlace:
    return QueuePlace(
        position=queued.position,
        queue_sequence=queued.queue_sequence,
        holder=holder_from(queued.holders[0]) if queued.holders else None,
    )


def event_from(event: lease_event_pb2.LeaseEvent) -> LockEvent:
    known = event.kind in EventKind._value2member_map_
    return LockEvent(
        kind=EventKind(event.kind) if known else EventKind.UNKNOWN,
        sequence=event.sequence,
        key=event.key,
        tags=frozenset(event.tags),
        owner=event.owner,
        fencing_token=event.fencing_token,
        expire=_wire.seconds(event.expire) if event.HasField("expire") else None,
        time=_time(event.time),
    )
