"""The shape of a lock, for annotations: what the recipe's locks and these have in common.

`acquire` may return anything: the recipe's returns None, holdfast's the Lease.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional, Protocol, runtime_checkable


class _Described(Protocol):
    @property
    def key(self) -> Any: ...

    @property
    def timeout(self) -> Optional[float]: ...

    @property
    def expire(self) -> Optional[float]: ...

    @property
    def tags(self) -> frozenset[str]: ...

    @property
    def locked(self) -> Any: ...


@runtime_checkable
class SyncLockProtocol(_Described, Protocol):
    """A blocking lock."""

    def acquire(self) -> Any: ...

    def release(self) -> None: ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> Optional[bool]: ...


@runtime_checkable
class AsyncLockProtocol(_Described, Protocol):
    """A lock to be awaited."""

    async def acquire(self) -> Any: ...

    async def release(self) -> None: ...

    async def __aenter__(self) -> Any: ...

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> Optional[bool]: ...
