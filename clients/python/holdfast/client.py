"""A client of one server."""

from __future__ import annotations

from typing import Any, Iterator, Optional

from . import _fork, _wire
from ._core import Core, make_core
from ._keys import encode_key
from ._options import Tags, check_span, default_owner, make_tags
from ._stubs import admin_service_pb2, lease_pb2, lock_service_pb2
from ._wire import Failure
from ._steps import error_of
from .errors import LockInvalidError
from .info import (
    Holder,
    LockEvent,
    LockInfo,
    ReleasedLocks,
    event_from,
    holder_from,
    lock_from,
)


class Client:
    """Connects to a server when it is first needed, so making one never fails for want of it.

    `address` is unix:/path or host:port; None: the environment's HOLDFAST_ADDRESS, or else
    unix:/run/holdfast/holdfast.sock. `owner` is the owner of locks that name none; None:
    program@host:pid of whoever takes them. `call_timeout` is how many seconds a release, a
    renewal or a query goes on until LockUnavailableError; `connect_timeout` is how many an
    acquire goes on while the server cannot be reached, None: as long as its timeout.

    Thread-safe: make one for a process, and share it. It may be made before a fork: a child
    connects anew. It can be pickled, for the workers of multiprocessing. Methods block; in a
    task, call them with asyncio.to_thread.
    """

    def __init__(
        self,
        address: Optional[str] = None,
        *,
        owner: Optional[str] = None,
        call_timeout: float = 10.0,
        connect_timeout: Optional[float] = None,
    ) -> None:
        if owner is not None and len(owner.encode()) > 256:
            raise LockInvalidError("an owner has at most 256 bytes")
        check_span("call_timeout", call_timeout, 0.001)
        check_span("connect_timeout", connect_timeout, 0.0)
        self._owner = owner
        self._core = make_core(address, call_timeout, connect_timeout)

    def __repr__(self) -> str:
        return f"Client({self.address!r})"

    def __reduce__(self) -> tuple[object, ...]:
        core = self._core
        return (_remake, (self.address, self._owner, core.call_timeout, core.connect_timeout))

    @property
    def address(self) -> str:
        return self._core.address.text

    @property
    def owner(self) -> str:
        """Of locks that name none."""
        return self._owner if self._owner is not None else default_owner()

    def get(self, key: Any) -> LockInfo:
        """What a lock is like, with its first hundred waiters."""
        encoded = encode_key(key)
        request = lock_service_pb2.GetRequest(key=encoded)
        answer = self._core.ask(_wire.GET, request, f'cannot look at "{encoded}"')
        return lock_from(answer.lock)

    def list(self, prefix: str = "", tags: Tags = None) -> Iterator[LockInfo]:
        """The locks that are held or waited for, by their keys, whose keys begin with `prefix`
        and whose leases have all of the tags. Asks for more as it is read."""
        request = lock_service_pb2.ListRequest(filter=_filter(prefix, tags), page_size=500)
        while True:
            answer = self._core.ask(_wire.LIST, request, "cannot list locks")
            yield from map(lock_from, answer.locks)
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def watch(self, prefix: str = "", tags: Tags = None) -> "Watch":
        """What is held, and then what happens, for as long as it is read."""
        return Watch(self._core, lock_service_pb2.WatchRequest(filter=_filter(prefix, tags)))

    def force_release(self, key: Any, fencing_token: Optional[int] = None) -> Holder:
        """Ends somebody else's lease, and tells whose. Its holder is not asked. None: whichever
        lease there is; such a call is sent once only, since it could end the next one.

        LockError, reason LOCK_NOT_HELD: nobody holds it, or not with that token.
        """
        encoded = encode_key(key)
        request = admin_service_pb2.ForceReleaseRequest(
            key=encoded, fencing_token=fencing_token or 0
        )
        doing = f'cannot release "{encoded}" by force'
        answer = self._core.ask(
            _wire.FORCE_RELEASE, request, doing, repeat=fencing_token is not None
        )
        return holder_from(answer.former_holder)

    def release_by_tag(
        self, tags: Tags, *, dry_run: bool = False, max_fencing_token: int = 0
    ) -> ReleasedLocks:
        """Ends the leases that have all of the tags, of which there is at least one; or tells
        which they are. Leases that are granted after it began are spared, and so are those
        with a token larger than `max_fencing_token`, unless it is zero."""
        request = admin_service_pb2.ReleaseByTagRequest(
            tags=sorted(make_tags(tags)), dry_run=dry_run, max_fencing_token=max_fencing_token
        )
        locks: list[LockInfo] = []
        while True:
            answer = self._core.ask(
                _wire.RELEASE_BY_TAG,
                request,
                "cannot release by tag",
                repeat=dry_run or request.max_fencing_token != 0,
            )
            locks += map(lock_from, answer.locks)
            request.max_fencing_token = answer.max_fencing_token
            if not answer.next_page_token:
                return ReleasedLocks(tuple(locks), answer.max_fencing_token)
            request.page_token = answer.next_page_token

    def release(self, key: Any, lease_id: str) -> None:
        """Releases a lease by its lease_id, as of a lock that another process has taken."""
        self._core.release_id(encode_key(key), lease_id)

    def close(self) -> None:
        """Waits up to a second for releases that are under way, then ends connections. Bound
        leases are lost. Needed by nobody: a program that just ends does the same."""
        self._core.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Watch:
    """Iterates over LockEvents. LockUnavailableError, LockLimitError: it has ended; watch again,
    and the new snapshot shows what was missed. Single-threaded; `close` ends it."""

    def __init__(self, core: Core, request: lock_service_pb2.WatchRequest) -> None:
        self._messages = core.sync.stream(_wire.WATCH, request, None)
        self._events: list[LockEvent] = []

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> LockEvent:
        while not self._events:
            message = next(self._messages)
            if isinstance(message, Failure):
                raise error_of(message, "the watch has ended")
            self._events = [event_from(event) for event in reversed(message.events)]
        return self._events.pop()

    def close(self) -> None:
        close = getattr(self._messages, "close")
        close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _filter(prefix: str, tags: Tags) -> lease_pb2.Filter:
    return lease_pb2.Filter(key_prefix=prefix, tags=sorted(make_tags(tags)))


def _remake(
    address: str, owner: Optional[str], call_timeout: float, connect_timeout: Optional[float]
) -> Client:
    return Client(
        address, owner=owner, call_timeout=call_timeout, connect_timeout=connect_timeout
    )


_default: Optional[Client] = None


def default_client() -> Client:
    """The one of a process that is used by locks that are given none."""
    global _default
    if _default is None:
        with _fork.mutex:
            if _default is None:
                _default = Client()
    return _default
