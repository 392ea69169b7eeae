"""holdfast: durable locks between threads, tasks, processes and languages.

    import holdfast

    client = holdfast.Client("unix:/run/holdfast/holdfast.sock")
    with holdfast.SyncLock(client, "reports/2024", timeout=10, expire=30) as lease:
        write_report(lease.fencing_token)

See docs/python.md.
"""

import pkgutil

from ._lease import Lease, LeaseState
from ._keys import encode_key
from .async_lock import AsyncLock, AsyncRLock
from .client import Client, Watch
from .errors import (
    LockAlreadyHeldError,
    LockError,
    LockInvalidError,
    LockLimitError,
    LockLostError,
    LockNotHeldError,
    LockPermissionError,
    LockTimeoutError,
    LockUnavailableError,
)
from .info import EventKind, Holder, LockEvent, LockInfo, QueuePlace, ReleasedLocks, Waiter
from .protocols import AsyncLockProtocol, SyncLockProtocol
from .sync_lock import SyncLock, SyncRLock

# Whoever generates stubs from protos/ has a folder holdfast/v1 elsewhere in the path.
__path__ = pkgutil.extend_path(__path__, __name__)

__all__ = [
    "AsyncLock",
    "AsyncLockProtocol",
    "AsyncRLock",
    "Client",
    "EventKind",
    "Holder",
    "Lease",
    "LeaseState",
    "LockAlreadyHeldError",
    "LockError",
    "LockEvent",
    "LockInfo",
    "LockInvalidError",
    "LockLimitError",
    "LockLostError",
    "LockNotHeldError",
    "LockPermissionError",
    "LockTimeoutError",
    "LockUnavailableError",
    "QueuePlace",
    "ReleasedLocks",
    "SyncLock",
    "SyncLockProtocol",
    "SyncRLock",
    "Waiter",
    "Watch",
    "encode_key",
]
