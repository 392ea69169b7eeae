"""Locks for tasks of asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Generator, Optional, Union

from . import _wire
from ._drive import OnQueued
from ._lease import Lease, call_soon
from ._lock import DEFAULT_TIMEOUT, UNSET, LockBase, Unset, doubtful, leave_quietly
from ._options import Tags
from ._stubs import lock_service_pb2
from .client import Client
from .errors import LockError, LockNotHeldError, LockTimeoutError


class Locked:
    """Whether a lock is taken: `await` it, or take it for a bool, which blocks the loop for as
    long as the server takes to answer, unless the lock is held through this very object."""

    def __init__(self, lock: "AsyncLock") -> None:
        self._lock = lock

    def __await__(self) -> Generator[Any, None, bool]:
        return self._lock._is_locked().__await__()

    def __bool__(self) -> bool:
        return self._lock._is_locked_here()


class AsyncLock(LockBase):
    """AsyncLock(client, key, *, timeout=10.0, expire=None, tags=None, owner=None, renew=False,
    bound=False, max_hold=None, on_queued=None, cancel_on_lost=False)

    As SyncLock, for tasks. One object may be shared by tasks of one loop, and by several loops
    in several threads. A task is known as a thread is: `release`, `renew` and `lease` mean its
    own lease, or those of the object if it has none.

    `on_queued` is called in the loop. `cancel_on_lost`: if the lease is lost while the body of
    an `async with` runs, its task is cancelled, and the `async with` raises LockLostError.

    Cancelling an acquire leaves nothing on the server.
    """

    def __init__(
        self,
        client: Optional[Client],
        key: Any,
        *,
        timeout: Optional[float] = DEFAULT_TIMEOUT,
        expire: Optional[float] = None,
        tags: Tags = None,
        owner: Optional[str] = None,
        renew: bool = False,
        bound: bool = False,
        max_hold: Optional[float] = None,
        on_queued: Optional[OnQueued] = None,
        cancel_on_lost: bool = False,
    ) -> None:
        super().__init__(
            client,
            key,
            timeout=timeout,
            expire=expire,
            tags=tags,
            owner=owner,
            renew=renew,
            bound=bound,
            max_hold=max_hold,
            on_queued=on_queued,
        )
        self._cancel_on_lost = cancel_on_lost
        self._cancelled: set[object] = set()

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "cancel_on_lost": self._cancel_on_lost}

    @property
    def locked(self) -> Locked:
        """Whether it is taken, by anybody: `await lock.locked`, or `if lock.locked`."""
        return Locked(self)

    @property
    def lease(self) -> Optional[Lease]:
        """This task's lease, or else the latest of the object's that was not released."""
        return self._holders.current(_this_task())

    async def acquire(self, timeout: Union[float, None, Unset] = UNSET) -> Lease:
        """Waits for the lock. Errors as of SyncLock.acquire."""
        me = _this_task()
        self._holders.check_free(me)
        return await self._core.acquire_async(
            self._spec,
            self._timeout_of(timeout),
            self._on_queued,
            lambda lease: self._holders.add(me, lease),
        )

    async def try_acquire(self) -> Optional[Lease]:
        """Tries once, and does not wait. None: somebody holds it. Errors as of acquire."""
        try:
            return await self.acquire(timeout=0)
        except LockTimeoutError:
            return None

    async def renew(self) -> None:
        """As SyncLock.renew."""
        lease = self.lease
        if lease is None:
            raise LockNotHeldError(f'"{self._spec.key}" is not held through this object')
        await self._core.renew_async(self._spec, lease)

    async def release(self) -> None:
        """As SyncLock.release. If it is cancelled, it goes on in the background."""
        held = self._holders.take(_this_task())
        await self._core.release_async(self._spec, held.lease)
        if held.in_doubt:
            raise doubtful(held.lease)

    async def aclose(self) -> None:
        """Ends the client's connections of this loop. Needed by nobody: they end with it."""
        self._core.asynchronous.close()

    async def __aenter__(self) -> Lease:
        lease = await self.acquire()
        task = asyncio.current_task()
        if self._cancel_on_lost and task is not None:
            loop = asyncio.get_running_loop()
            body = task

            def cancel() -> None:
                # Unless the body has been left meanwhile.
                if self._holders.own(body) is not None and body not in self._cancelled:
                    self._cancelled.add(body)
                    body.cancel()

            lease.on_lost(lambda: call_soon(loop, cancel))
        return lease

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """As release; but an exception of the body's goes on in place of a LockError."""
        task = asyncio.current_task()
        if task is not None and task in self._cancelled:
            self._cancelled.discard(task)
            lease = self.lease
            others = task.uncancel()
            await self._release_quietly(error)
            if others == 0 and lease is not None and isinstance(error, asyncio.CancelledError):
                raise lease.lost_error() from None
            return
        try:
            await self.release()
        except LockError as trouble:
            if error is None:
                raise
            leave_quietly(error, trouble)

    async def _release_quietly(self, error: Optional[BaseException]) -> None:
        try:
            await self.release()
        except LockError as trouble:
            if error is not None:
                leave_quietly(error, trouble)

    async def _is_locked(self) -> bool:
        request = lock_service_pb2.GetRequest(key=self._spec.key)
        doing = f'cannot look at "{self._spec.key}"'
        answer = await self._core.ask_async(_wire.GET, request, doing)
        return len(answer.lock.holders) > 0

    def _is_locked_here(self) -> bool:
        lease = self._holders.current(None)
        if lease is not None and lease.valid:
            return True
        request = lock_service_pb2.GetRequest(key=self._spec.key)
        answer = self._core.ask(_wire.GET, request, f'cannot look at "{self._spec.key}"')
        return len(answer.lock.holders) > 0


class AsyncRLock(AsyncLock):
    """As AsyncLock, but the task that holds it may acquire it again, without asking the server,
    and releases it as often. Two tasks exclude one another, also in one loop. Only the task
    that holds it can release it."""

    async def acquire(self, timeout: Union[float, None, Unset] = UNSET) -> Lease:
        """As AsyncLock.acquire. LockLostError: this task's lease has ended meanwhile."""
        held = self._holders.own(_this_task())
        if held is None:
            return await super().acquire(timeout)
        held.lease.check()
        held.depth += 1
        return held.lease

    async def release(self) -> None:
        held = self._holders.own(_this_task())
        if held is None:
            raise LockNotHeldError(f'this task does not hold "{self._spec.key}"')
        if held.depth > 1:
            held.depth -= 1
            return
        await super().release()


def _this_task() -> object:
    return asyncio.current_task()
