"""Locks for threads."""

from __future__ import annotations

from types import TracebackType
from typing import Optional, Union

from . import _wire
from ._holders import this_thread
from ._lease import Lease
from ._lock import UNSET, LockBase, Unset, doubtful, leave_quietly
from ._stubs import lock_service_pb2
from .errors import LockError, LockNotHeldError, LockTimeoutError


class SyncLock(LockBase):
    """SyncLock(client, key, *, timeout=10.0, expire=None, tags=None, owner=None, renew=False,
    bound=False, max_hold=None, on_queued=None)

    `client` is a Client, or None for the process's default one. `key` is a str, bytes, int,
    float, bool, None or a tuple of these. Spans are seconds. `timeout`: how long an acquire
    waits, 0 tries once, None waits for ever. `expire`: the lease lapses so long after its grant
    or last renewal; None: never, even if its holder dies. `renew`: it is renewed in the
    background while it is held. `bound`: it ends as soon as this process has died (on a Unix
    socket; needs an expire). `max_hold`: it ends so long after its grant, however often renewed.
    `on_queued` is called in the waiting thread with each QueuePlace.

    Thread-safe: threads may share one object. Whoever comes second waits, with a place of its
    own in the server's queue. `release`, `renew` and `lease` mean the calling thread's own
    lease; those of the object for a thread that has none, so that one thread can release what
    another took. KeyboardInterrupt ends a wait at once, and leaves nothing on the server.
    """

    @property
    def locked(self) -> bool:
        """Whether it is taken, by anybody. Asks the server."""
        request = lock_service_pb2.GetRequest(key=self._spec.key)
        answer = self._core.ask(_wire.GET, request, f'cannot look at "{self._spec.key}"')
        return len(answer.lock.holders) > 0

    @property
    def lease(self) -> Optional[Lease]:
        """This thread's lease, or else the latest of the object's that was not released."""
        return self._holders.current(this_thread())

    def acquire(self, timeout: Union[float, None, Unset] = UNSET) -> Lease:
        """Waits for the lock.

        LockTimeoutError: somebody held it for the whole timeout. LockUnavailableError: the
        server could not be reached. LockAlreadyHeldError: this thread holds it through this
        object. LockInvalidError, LockLimitError, LockPermissionError: the server refuses.
        If the server has stopped answering, it may take 5 s longer than the timeout.
        """
        me = this_thread()
        self._holders.check_free(me)
        return self._core.acquire(
            self._spec,
            self._timeout_of(timeout),
            self._on_queued,
            lambda lease: self._holders.add(me, lease),
        )

    def try_acquire(self) -> Optional[Lease]:
        """Tries once, and does not wait. None: somebody holds it. Errors as of acquire."""
        try:
            return self.acquire(timeout=0)
        except LockTimeoutError:
            return None

    def renew(self) -> None:
        """Makes the lease last its expire from now. LockLostError: it has ended; LockNotHeldError;
        LockUnavailableError: it may have been renewed or not."""
        lease = self.lease
        if lease is None:
            raise LockNotHeldError(f'"{self._spec.key}" is not held through this object')
        self._core.renew(self._spec, lease)

    def release(self) -> None:
        """Gives the lock back, and nobody else's.

        LockLostError: the lease had ended before. LockNotHeldError: there is none.
        LockUnavailableError: the server does not answer; it is tried on in the background.
        """
        held = self._holders.take(this_thread())
        self._core.release(self._spec, held.lease)
        if held.in_doubt:
            raise doubtful(held.lease)

    def __enter__(self) -> Lease:
        return self.acquire()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """As release; but an exception of the body's goes on in place of a LockError."""
        try:
            self.release()
        except LockError as trouble:
            if error is None:
                raise
            leave_quietly(error, trouble)


class SyncRLock(SyncLock):
    """As SyncLock, but the thread that holds it may acquire it again, without asking the server,
    and releases it as often. Only the thread that holds it can release it."""

    def acquire(self, timeout: Union[float, None, Unset] = UNSET) -> Lease:
        """As SyncLock.acquire. LockLostError: this thread's lease has ended meanwhile."""
        held = self._holders.own(this_thread())
        if held is None:
            return super().acquire(timeout)
        held.lease.check()
        held.depth += 1
        return held.lease

    def release(self) -> None:
        held = self._holders.own(this_thread())
        if held is None:
            raise LockNotHeldError(f'this thread does not hold "{self._spec.key}"')
        if held.depth > 1:
            held.depth -= 1
            return
        super().release()


