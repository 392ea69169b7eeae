"""What the blocking and the awaitable locks have in common."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Optional

from . import _fork
from ._core import Core
from ._drive import OnQueued
from ._holders import Holders
from ._lease import Lease
from ._options import Spec, Tags, check_timeout, make_spec
from .client import Client, default_client
from .errors import LockError, LockLostError

DEFAULT_TIMEOUT = 10.0


class Unset:
    """The lock's own timeout."""

    def __repr__(self) -> str:
        return "the lock's timeout"


UNSET = Unset()


class LockBase:
    """Thread-safe."""

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
    ) -> None:
        if client is not None and not isinstance(client, Client):
            raise TypeError(f"client is a holdfast.Client or None, and not {client!r}")
        self._client = client if client is not None else default_client()
        self._key = key
        self._timeout = check_timeout(timeout)
        self._given_owner = owner
        self._on_queued = on_queued
        self._spec_made = make_spec(
            key,
            expire=expire,
            tags=tags,
            owner=owner if owner is not None else self._client.owner,
            renew=renew,
            bound=bound,
            max_hold=max_hold,
        )
        self._generation = _fork.generation
        self._holders_made = Holders(self._spec_made.key)
        self._turn_made = threading.Lock()

    def _options(self) -> dict[str, Any]:
        spec = self._spec_made
        return {
            "timeout": self._timeout,
            "expire": spec.expire,
            "tags": spec.tags,
            "owner": self._given_owner,
            "renew": spec.renew,
            "bound": spec.bound,
            "max_hold": spec.max_hold,
            "on_queued": self._on_queued,
        }

    def __reduce__(self) -> tuple[object, ...]:
        return (_remake, (type(self), self._client, self._key, self._options()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client!r}, {self._key!r})"

    @property
    def key(self) -> Any:
        """As it was given."""
        return self._key

    @property
    def timeout(self) -> Optional[float]:
        """Seconds that an acquire waits; 0: it tries once; None: for ever."""
        return self._timeout

    @property
    def expire(self) -> Optional[float]:
        """Seconds that a lease lasts from its grant or last renewal; None: until released."""
        return self._spec_made.expire

    @property
    def tags(self) -> frozenset[str]:
        return self._spec_made.tags

    @property
    def client(self) -> Client:
        return self._client

    # --- Of the package ---

    @property
    def _core(self) -> Core:
        return self._client._core

    @property
    def _holders(self) -> Holders:
        self._begin_anew()
        return self._holders_made

    @property
    def _spec(self) -> Spec:
        self._begin_anew()
        return self._spec_made

    def _begin_anew(self) -> None:
        """In a forked child the object holds nothing, and has another owner."""
        if self._generation == _fork.generation:
            return
        with _fork.mutex:
            if self._generation != _fork.generation:
                _fork.keep_for_ever(self._holders_made)
                spec = self._spec_made
                if self._given_owner is None:
                    self._spec_made = replace(spec, owner=self._client.owner)
                self._holders_made = Holders(spec.key)
                self._turn_made = threading.Lock()
                self._generation = _fork.generation

    def _timeout_of(self, timeout: object) -> Optional[float]:
        return self._timeout if isinstance(timeout, Unset) else check_timeout(timeout)  # type: ignore[arg-type]


def doubtful(lease: Lease) -> LockLostError:
    return LockLostError(
        f'a lease on "{lease.key}" was lost, and it may have been the one that is released here'
    )


def leave_quietly(error: BaseException, trouble: LockError) -> None:
    """The body's own exception goes on, and says what else there was."""
    error.add_note(f"and at the end of the lock: {trouble}")


def _remake(
    kind: type[LockBase], client: Client, key: Any, options: dict[str, Any]
) -> LockBase:
    return kind(client, key, **options)
