"""What all locks of a client share: how they acquire, renew and release.

Thread-safe. A forked child begins anew: with connections, threads and a session of its own.
"""

from __future__ import annotations

import atexit
import weakref
from typing import Any, Callable, Generator, Optional, Union

from . import _fork
from ._address import Address
from ._background import Background
from ._drive import AsyncCaller, Caller, OnQueued, run, run_async
from ._lease import Lease
from ._options import Spec
from ._plain import PlainTransport
from ._plain_async import PlainAsyncTransport
from ._session import Session
from ._steps import (
    ABANDONED_FOR,
    LONGEST_RELEASE,
    Asking,
    asking_once,
    error_of,
    releasing,
    renewing,
    says_lease_ended,
    should_retry,
)
from ._times import Clock, LeaseTimes, boottime
from ._wire import Failure, Method
from .errors import LockError, LockLostError, LockUnavailableError

# How long a client that is closed, or a program that ends, waits for releases that the
# server has not answered.
_FAREWELL = 1.0


class Core:
    def __init__(
        self, address: Address, call_timeout: float, connect_timeout: Optional[float], clock: Clock
    ) -> None:
        self.address = address
        self.call_timeout = call_timeout
        self.connect_timeout = connect_timeout
        self.clock = clock
        self.sync = PlainTransport(address)
        self.asynchronous = PlainAsyncTransport(address)
        self._generation = _fork.generation
        self._background = Background(clock)
        self._session = Session(address)
        _cores.add(self)

    def _begin_anew(self) -> None:
        if self._generation == _fork.generation:
            return
        with _fork.mutex:
            if self._generation != _fork.generation:
                _fork.keep_for_ever((self._background, self._session))
                self._background = Background(self.clock)
                self._session = Session(self.address)
                self._generation = _fork.generation

    @property
    def background(self) -> Background:
        self._begin_anew()
        return self._background

    @property
    def session(self) -> Session:
        self._begin_anew()
        return self._session

    def _caller(self, spec: Spec) -> Caller:
        if spec.bound:
            return self.session
        return self.sync

    def _async_caller(self, spec: Spec) -> AsyncCaller:
        if spec.bound:
            return self.session.asynchronous
        return self.asynchronous

    # --- Acquiring ---

    def acquire(
        self,
        spec: Spec,
        timeout: Optional[float],
        on_queued: Optional[OnQueued],
        keep: Callable[[Lease], None],
    ) -> Lease:
        """Hands the lease to `keep` before it returns it. Raises a LockError. Whatever ends it,
        nothing of it is left on the server."""
        asking = self._asking(spec, timeout, on_queued)
        try:
            grant = run(asking.steps(), self._caller(spec), on_queued)
            lease = self._hold(spec, grant)
            keep(lease)
            asking.kept = True
            return lease
        finally:
            if asking.left_behind:
                self._clean_up(spec, asking)

    async def acquire_async(
        self,
        spec: Spec,
        timeout: Optional[float],
        on_queued: Optional[OnQueued],
        keep: Callable[[Lease], None],
    ) -> Lease:
        asking = self._asking(spec, timeout, on_queued)
        try:
            grant = await run_async(asking.steps(), self._async_caller(spec), on_queued)
            lease = self._hold(spec, grant)
            keep(lease)
            asking.kept = True
            return lease
        finally:
            if asking.left_behind:
                self._clean_up(spec, asking)

    def _asking(
        self, spec: Spec, timeout: Optional[float], on_queued: Optional[OnQueued]
    ) -> Asking:
        return Asking(
            spec,
            timeout,
            self.clock,
            patience=self.connect_timeout,
            watched=on_queued is not None,
        )

    def _clean_up(self, spec: Spec, asking: Asking) -> None:
        for lease_id in asking.left_behind:
            self._release_later(spec, lease_id, ABANDONED_FOR)

    def _hold(self, spec: Spec, grant: Any) -> Lease:
        lease = Lease(spec, grant, self.background, self.clock)
        if spec.bound:
            self.session.hold(lease)
        if spec.renew:
            _Renewal(self, spec, lease).schedule()
        return lease

    # --- Holding ---

    def renew(self, spec: Spec, lease: Lease) -> None:
        lease.check()
        self._apply(spec, lease, run(self._renewing(spec, lease), self._caller(spec)))

    async def renew_async(self, spec: Spec, lease: Lease) -> None:
        lease.check()
        steps = self._renewing(spec, lease)
        self._apply(spec, lease, await run_async(steps, self._async_caller(spec)))

    def _renewing(
        self, spec: Spec, lease: Lease
    ) -> Generator[Any, Any, Union[LeaseTimes, Failure]]:
        give_up_at = min(self.clock() + self.call_timeout, lease._times.lost_at)
        return renewing(spec, lease.lease_id, give_up_at, self.clock, lease._doubt)

    def _apply(self, spec: Spec, lease: Lease, outcome: Union[LeaseTimes, Failure]) -> None:
        if not isinstance(outcome, Failure):
            if not lease._extend(outcome):
                raise lease.lost_error()
            return
        if says_lease_ended(outcome):
            lease._lose(outcome.message, outcome.reason)
        else:
            lease._doubt()
        raise error_of(outcome, f'cannot renew "{spec.key}"')

    # --- Releasing ---

    def release(self, spec: Spec, lease: Lease) -> None:
        """LockLostError; LockUnavailableError, and then it is tried on in the background."""
        self._begin_release(lease)
        failure: Optional[Failure] = _INTERRUPTED
        try:
            failure = run(self._releasing(spec.key, lease.lease_id), self._caller(spec))
        finally:
            self._after_release(spec, lease, failure)
        self._judge(spec, failure)

    async def release_async(self, spec: Spec, lease: Lease) -> None:
        self._begin_release(lease)
        failure: Optional[Failure] = _INTERRUPTED
        try:
            steps = self._releasing(spec.key, lease.lease_id)
            failure = await run_async(steps, self._async_caller(spec))
        finally:
            self._after_release(spec, lease, failure)
        self._judge(spec, failure)

    def _begin_release(self, lease: Lease) -> None:
        """LockLostError: the session has told its end, and its id must not be used again."""
        lease._release()
        if lease._ended_by_server:
            raise lease.lost_error()

    def _releasing(self, key: str, lease_id: str) -> Generator[Any, Any, Optional[Failure]]:
        return releasing(key, lease_id, self.clock() + self.call_timeout, self.clock)

    def _after_release(self, spec: Spec, lease: Lease, failure: Optional[Failure]) -> None:
        if failure is not None and should_retry(failure):
            useful = min(spec.expire or LONGEST_RELEASE, LONGEST_RELEASE)
            self._release_later(spec, lease.lease_id, useful)

    def _release_later(self, spec: Spec, lease_id: str, useful_for: float) -> None:
        steps = releasing(spec.key, lease_id, self.clock() + useful_for, self.clock)
        self.background.carry_out(steps, self._caller(spec))

    def _judge(self, spec: Spec, failure: Optional[Failure]) -> None:
        if failure is None:
            return
        doing = f'cannot release "{spec.key}"'
        if says_lease_ended(failure):
            raise LockLostError(
                f'the lease on "{spec.key}" was lost before it was released: {failure.message}',
                reason=failure.reason,
                details=failure.details,
            )
        if should_retry(failure):
            raise LockUnavailableError(
                f"{doing} yet, and goes on trying: {failure.message}", reason=failure.reason
            )
        raise error_of(failure, doing)

    # --- Asking ---

    def ask(self, method: Method, request: Any, doing: str, *, repeat: bool = True) -> Any:
        give_up_at = self.clock() + self.call_timeout
        answer = run(
            asking_once(method, request, give_up_at, self.clock, repeat=repeat), self.sync
        )
        return self._answer(answer, doing)

    async def ask_async(self, method: Method, request: Any, doing: str) -> Any:
        give_up_at = self.clock() + self.call_timeout
        steps = asking_once(method, request, give_up_at, self.clock)
        return self._answer(await run_async(steps, self.asynchronous), doing)

    def _answer(self, answer: Any, doing: str) -> Any:
        if isinstance(answer, Failure):
            raise error_of(answer, doing)
        return answer

    def release_id(self, key: str, lease_id: str) -> None:
        failure = run(self._releasing(key, lease_id), self.sync)
        if failure is not None:
            raise error_of(failure, f'cannot release "{key}"')

    def close(self) -> None:
        if self._generation == _fork.generation:
            self._background.drain(_FAREWELL)
            self._session.close()
        self.sync.close()


_INTERRUPTED = Failure("CANCELLED", "the release was interrupted")


class _Renewal:
    """Renews a lease when a third of it has passed, until it is lost or released."""

    def __init__(self, core: Core, spec: Spec, lease: Lease) -> None:
        self._core = core
        self._spec = spec
        self._expire = spec.expire or 0.0
        # A lease that nobody holds any more, and has not released, is not renewed for ever.
        self._lease = weakref.ref(lease)

    def schedule(self) -> None:
        lease = self._lease()
        if lease is None or not lease.valid:
            return
        # At the end of its max_hold a renewal brings nothing, and the next one is not to
        # follow at once.
        earliest = self._core.clock() + (self._expire / 10 if self._spec.max_hold else 0.0)
        self._at(max(earliest, lease._times.lost_at - self._expire * 2 / 3))

    def _at(self, when: float) -> None:
        background = self._core.background
        background.at(when, lambda: background.do(self._renew))

    def _renew(self) -> None:
        lease = self._lease()
        if lease is None or not lease.valid:
            return
        lost_at, clock = lease._times.lost_at, self._core.clock
        steps = renewing(self._spec, lease.lease_id, lost_at, clock, lease._doubt)
        try:
            outcome = run(steps, self._core._caller(self._spec))
            self._core._apply(self._spec, lease, outcome)
        except LockError:
            if lease.valid:
                self._at(self._core.clock() + self._expire / 10)
            return
        self.schedule()


# Of this process, to be bidden farewell when it ends.
_cores: weakref.WeakSet[Core] = weakref.WeakSet()


def make_core(
    address: Optional[str], call_timeout: float, connect_timeout: Optional[float]
) -> Core:
    return Core(Address(address), call_timeout, connect_timeout, boottime)


@atexit.register
def _at_exit() -> None:
    for core in list(_cores):
        core.close()
