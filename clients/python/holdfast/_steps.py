"""The rules of an acquire, a renewal and a release, and nothing else.

Each is a generator. It yields what it wants done, a Call or a Pause, and is sent what came
of it; so it has no thread, no connection and no clock but the one it is given, and the same
rules serve threads, tasks and tests. See `_drive.py` for who carries the steps out.

Asking. A call that broke may have had its effect, so it is sent again under the same
lease_id, which has its place in the queue or its grant given back to it. Only when the
server says that the id has ended does a new one take its place. A grant of which little is
left is renewed before it is handed out.

Cleaning up. One thing cleans up after whatever happened: Release with the lease_id. Asking
keeps the ids that the server may still know in `left_behind`, also when it is closed or
broken off half-way; who drives it has them released.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Callable, Generator, Optional, Union

from . import _wire
from ._options import LONGEST_SPAN, Spec
from ._stubs import lock_service_pb2
from ._times import FOREVER, Backoff, Clock, LeaseTimes, lease_times
from ._wire import Failure, Granted, Method
from .errors import (
    LockError,
    LockInvalidError,
    LockLimitError,
    LockLostError,
    LockPermissionError,
    LockTimeoutError,
    LockUnavailableError,
)

# The server measures a timeout and says when it is over. If it has not said so after this
# many more seconds, it is not going to.
ANSWER_GRACE = 5.0

# How long one try of a release waits for its answer.
RELEASE_ATTEMPT = 5.0

# The server forgets ended ids after this, and keeps places and undelivered grants of calls
# that broke for a few seconds only.
LONGEST_RELEASE = 300.0
ABANDONED_FOR = 30.0

# A lease that was over before its grant had arrived, this many times, is shorter than the
# way to the server and back.
_TOO_LATE_LIMIT = 3


@dataclass(frozen=True)
class Call:
    """To be sent once; without an answer after `limit` seconds it has failed with
    DEADLINE_EXCEEDED. It is answered by a message of the method's, the last if it streams, or
    by a Failure."""

    method: Method
    request: Any
    limit: Optional[float]


@dataclass(frozen=True)
class Pause:
    """It is answered by None, after so many seconds."""

    seconds: float


Step = Union[Call, Pause]
Outcome = Any
Acquiring = Generator[Step, Outcome, "Grant"]


@dataclass(frozen=True)
class Grant:
    """What an acquire brings."""

    lease_id: str
    fencing_token: int
    times: LeaseTimes


_FINAL_RETRIED = {"SERVER_STARTING", "SERVER_STOPPING", "SESSION_REPLACED", "RULES_CHANGED"}
# A connection that broke shows as any of these, depending on when it did.
_BROKEN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "ABORTED"}
_ENDED = {"LEASE_EXPIRED", "LEASE_FORCED", "LEASE_ENDED", "LEASE_NOT_FOUND"}


def should_retry(failure: Failure) -> bool:
    """Whether the call may or may not have had its effect, or could succeed later."""
    if failure.reason:
        return failure.reason in _FINAL_RETRIED
    return failure.code in _BROKEN


def says_lease_ended(failure: Failure) -> bool:
    return failure.reason in _ENDED


def error_of(failure: Failure, doing: str) -> LockError:
    """As what the program is told of it. `doing`: 'cannot acquire "key"'."""
    message = f"{doing}: {failure.message}"
    kind: type[LockError]
    if failure.reason in ("WAIT_TIMEOUT", "LOCK_HELD"):
        kind = LockTimeoutError
        message = failure.message  # Which names the lock and its holder.
    elif failure.reason in _ENDED:
        kind = LockLostError
    elif failure.code == "PERMISSION_DENIED":
        kind = LockPermissionError
    elif failure.code == "INVALID_ARGUMENT":
        kind = LockInvalidError
    elif failure.code == "RESOURCE_EXHAUSTED":
        kind = LockLimitError
    elif should_retry(failure):
        kind = LockUnavailableError
    else:
        kind = LockError
        message = f"{doing}: {failure.code}: {failure.message}"
    return kind(message, reason=failure.reason, details=failure.details)


def new_lease_id() -> str:
    return str(uuid.uuid4())


class Asking:
    """One acquire. Single-threaded.

    `timeout`: seconds to wait in all; None: for ever. `patience`: seconds to go on while
    the server cannot be reached; None: as long as the timeout. `watched`: places in the
    queue are to be told, so the call is to be one that streams.
    """

    def __init__(
        self,
        spec: Spec,
        timeout: Optional[float],
        clock: Clock,
        *,
        patience: Optional[float] = None,
        watched: bool = False,
    ) -> None:
        self._spec = spec
        self._timeout = timeout
        self._clock = clock
        self._patience = FOREVER if patience is None else patience
        # Only a call that streams may wait without a limit.
        self._method = _wire.WAIT if watched or timeout is None else _wire.ACQUIRE
        self._doing = f'cannot acquire "{spec.key}"'
        self._lease_id = new_lease_id()
        self._may_be_known = False
        self.kept = False
        self._abandoned: list[str] = []

    @property
    def left_behind(self) -> list[str]:
        """The ids that the server may know, and that nobody will use. A grant is among them
        until it is `kept`."""
        mine = self._may_be_known and not self.kept
        return self._abandoned + ([self._lease_id] if mine else [])

    def steps(self) -> Acquiring:
        """Raises what the program is to be told if there is no lease."""
        deadline = self._clock() + self._timeout if self._timeout is not None else FOREVER
        backoff = Backoff()
        silent_since: Optional[float] = None
        broke = False
        too_late = 0
        while True:
            sent = self._clock()
            left = max(deadline - sent, 0.0)
            request = _wire.acquire_request(
                self._spec, self._lease_id, left if left <= LONGEST_SPAN else None
            )
            self._may_be_known = True
            limit = left + ANSWER_GRACE if left < FOREVER else None
            answer = yield Call(self._method, request, limit)
            if self._method is _wire.WAIT and not isinstance(answer, Failure):
                if answer.HasField("granted"):
                    answer = answer.granted
                else:
                    answer = Failure("UNAVAILABLE", "the wait ended without a lock")
            if not isinstance(answer, Failure):
                silent_since = None
                got = _wire.granted(answer.lease)
                times = lease_times(sent, got.elapsed, got.remaining)
                expire = self._spec.expire
                if expire is not None and times.lost_at - self._clock() < expire / 2:
                    # After a long wait the margin may have used up most of the lease, and a
                    # grant that was sent before its call broke is old.
                    renewed = yield from renewing(
                        self._spec, self._lease_id, deadline + ANSWER_GRACE, self._clock
                    )
                    if isinstance(renewed, Failure):
                        trouble = renewed
                    else:
                        times = renewed
                        trouble = _ROUND_TRIP
                    if isinstance(renewed, Failure) or self._clock() >= times.lost_at:
                        too_late += 1
                        if not says_lease_ended(trouble) or too_late == _TOO_LATE_LIMIT:
                            raise error_of(trouble, self._doing)
                        self._use_new_lease_id()
                        broke = False
                        continue
                return Grant(self._lease_id, got.fencing_token, times)
            if should_retry(answer):
                broke = True
                now = self._clock()
                silent_since = sent if silent_since is None else silent_since
                if now >= deadline or now - silent_since >= self._patience:
                    raise self._gave_up(answer)
                yield Pause(min(max(backoff.next(), answer.retry_delay), deadline - now))
                continue
            silent_since = None
            # The server has decided about this call. But one that broke may be waiting there
            # still, or be on its way, and be granted after this.
            self._may_be_known = broke
            if answer.reason in ("LEASE_ENDED", "LEASE_EXPIRED", "LEASE_FORCED"):
                # The call had broken and came back too late for its place or its grant.
                self._may_be_known = False
                if self._clock() >= deadline:
                    raise self._gave_up(answer)
                self._use_new_lease_id()
                broke = False
                yield Pause(min(backoff.next(), max(deadline - self._clock(), 0.0)))
                continue
            raise error_of(answer, self._doing)

    def _use_new_lease_id(self) -> None:
        if self._may_be_known:
            self._abandoned.append(self._lease_id)
        self._lease_id = new_lease_id()
        self._may_be_known = False

    def _gave_up(self, failure: Failure) -> LockUnavailableError:
        return LockUnavailableError(
            f"{self._doing}: {failure.message or failure.code}",
            reason=failure.reason,
            details=failure.details,
        )


_ROUND_TRIP = Failure(
    "FAILED_PRECONDITION",
    "the lease ended before its grant arrived: its expire is shorter than the way to the "
    "server and back",
    "LEASE_EXPIRED",
)


def renewing(
    spec: Spec,
    lease_id: str,
    give_up_at: float,
    clock: Clock,
    on_trouble: Callable[[], object] = lambda: None,
) -> Generator[Step, Outcome, Union[LeaseTimes, Failure]]:
    """One renewal, sent again until it is known how it ended, or until `give_up_at`. Calls
    `on_trouble` for each try that broke."""
    # A renewal begins with two thirds of the lease left: time for four tries that hang, or
    # for many that fail at once. A lease that never lapses may be renewed too, to see
    # whether it is still there.
    attempt = min(max((spec.expire or 60.0) / 6, 0.001), 5.0)
    backoff = Backoff(min(0.05, attempt / 2), min(1.0, attempt))
    request = lock_service_pb2.RenewRequest(key=spec.key, lease_id=lease_id)
    failure = Failure("UNAVAILABLE", "there was no time for a call")
    while True:
        sent = clock()
        left = give_up_at - sent
        if left <= 0:
            return failure
        answer = yield Call(_wire.RENEW, request, min(attempt, left))
        if not isinstance(answer, Failure):
            got: Granted = _wire.granted(answer.lease)
            return lease_times(sent, got.elapsed, got.remaining)
        if not should_retry(answer):
            return answer
        failure = answer
        on_trouble()
        pause = max(backoff.next(), answer.retry_delay)
        yield Pause(max(min(pause, give_up_at - clock()), 0.0))


def releasing(
    key: str, lease_id: str, give_up_at: float, clock: Clock
) -> Generator[Step, Outcome, Optional[Failure]]:
    """Gives a lease or a place back. None: the server counted it as held to the end."""
    backoff = Backoff()
    request = lock_service_pb2.ReleaseRequest(key=key, lease_id=lease_id)
    failure = Failure("UNAVAILABLE", "there was no time for a call")
    while True:
        left = give_up_at - clock()
        if left <= 0:
            return failure
        answer = yield Call(_wire.RELEASE, request, min(RELEASE_ATTEMPT, left))
        if not isinstance(answer, Failure):
            return None
        if not should_retry(answer):
            return answer
        failure = answer
        pause = max(backoff.next(), answer.retry_delay)
        yield Pause(max(min(pause, give_up_at - clock()), 0.0))


def asking_once(
    method: Method, request: Any, give_up_at: float, clock: Clock, *, repeat: bool = True
) -> Generator[Step, Outcome, Any]:
    """Any other short call: its answer, or the last Failure. `repeat`: it may be sent again."""
    backoff = Backoff()
    while True:
        answer = yield Call(method, request, max(give_up_at - clock(), 0.001))
        if not isinstance(answer, Failure) or not should_retry(answer) or not repeat:
            return answer
        pause = max(backoff.next(), answer.retry_delay)
        if clock() + pause >= give_up_at:
            return answer
        yield Pause(pause)
