"""What can go wrong: one exception for each kind, all below LockError.

An error's message is one sentence for people, and says who holds the lock where that is
known. `reason` is the name of a holdfast.v1.ErrorReason, or "" if the server had no part
in it; `details` are what the server said besides, such as "owner" and "fencing_token".
"""

from __future__ import annotations

from typing import Mapping, Optional


class LockError(Exception):
    """The base of all errors of this package, TypeErrors of wrong arguments excepted."""

    def __init__(
        self, message: str, *, reason: str = "", details: Optional[Mapping[str, str]] = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[object, ...]:
        # Workers of multiprocessing hand their exceptions to their parent.
        return (type(self), self.args, {"reason": self.reason, "details": self.details})


class LockTimeoutError(LockError, TimeoutError):
    """Somebody held the lock for the whole timeout. `owner` and `fencing_token` tell who."""

    @property
    def owner(self) -> Optional[str]:
        """The holder's description of itself; None if it was not known."""
        return self.details.get("owner")

    @property
    def fencing_token(self) -> Optional[int]:
        """The token of the holder's lease; None if it was not known."""
        token = self.details.get("fencing_token")
        return int(token) if token is not None else None


class LockUnavailableError(LockError, ConnectionError):
    """The server could not be reached, or did not answer, for as long as was allowed."""


class LockLostError(LockError):
    """The lease has ended before it was released: it lapsed, or was ended by force."""


class LockNotHeldError(LockError, RuntimeError):
    """There is nothing to release."""


class LockAlreadyHeldError(LockError, RuntimeError):
    """This thread or task holds the lock through this object already."""


class LockInvalidError(LockError, ValueError):
    """A key, tag, owner or span of time is outside its limits."""


class LockLimitError(LockError):
    """A limit of the server is reached; details["limit"] names it."""


class LockPermissionError(LockError, PermissionError):
    """This user may not connect to the server's socket, or may not do this."""
