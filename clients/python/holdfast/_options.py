"""What a lock is asked for with: checked once, when the lock object is made."""

from __future__ import annotations

import math
import os
import socket
import sys
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Union

from ._keys import encode_key
from .errors import LockInvalidError

# Of the API. Whoever waits for longer than this waits without a limit.
LONGEST_SPAN = 366 * 86400.0
_SHORTEST_EXPIRE = 0.001

Tags = Union[str, Iterable[str], None]


@dataclass(frozen=True)
class Spec:
    """What all acquires of one lock have in common. Spans are seconds; None: no limit."""

    key: str
    expire: Optional[float]
    tags: frozenset[str]
    owner: str
    renew: bool = False
    bound: bool = False
    max_hold: Optional[float] = None


def make_spec(
    key: Any,
    *,
    expire: Optional[float],
    tags: Tags,
    owner: str,
    renew: bool,
    bound: bool,
    max_hold: Optional[float],
) -> Spec:
    """TypeError, LockInvalidError: an argument is of no use."""
    spec = Spec(
        key=encode_key(key),
        expire=check_span("expire", expire, _SHORTEST_EXPIRE),
        tags=make_tags(tags),
        owner=owner,
        renew=bool(renew),
        bound=bool(bound),
        max_hold=check_span("max_hold", max_hold, _SHORTEST_EXPIRE),
    )
    if spec.expire is None and (renew or bound):
        raise LockInvalidError(f"{'renew' if renew else 'bound'}=True needs an expire")
    return spec


def check_timeout(timeout: Optional[float]) -> Optional[float]:
    """As a span of zero or more, however large. None: wait for ever."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout is a number of seconds or None, and not {timeout!r}")
    if math.isnan(timeout) or timeout < 0:
        raise LockInvalidError(f"timeout is zero seconds or more, and not {timeout!r}")
    return None if timeout > LONGEST_SPAN else float(timeout)


def check_span(name: str, span: Optional[float], shortest: float) -> Optional[float]:
    if span is None:
        return None
    if isinstance(span, bool) or not isinstance(span, (int, float)):
        raise TypeError(f"{name} is a number of seconds or None, and not {span!r}")
    if not shortest <= span <= LONGEST_SPAN:
        raise LockInvalidError(
            f"{name} is {shortest:g} to {LONGEST_SPAN:g} seconds, and not {span!r}"
        )
    return float(span)


def make_tags(tags: Tags) -> frozenset[str]:
    """A string is one tag."""
    if tags is None:
        return frozenset()
    if isinstance(tags, str):
        tags = (tags,)
    made = frozenset(tags)
    for tag in made:
        if not isinstance(tag, str):
            raise TypeError(f"a tag is a str, and not {tag!r}")
        if not 1 <= len(tag.encode("utf-8", "surrogatepass")) <= 128:
            raise LockInvalidError(f"a tag has 1 to 128 bytes, and this one does not: {tag!r}")
    if len(made) > 16:
        raise LockInvalidError(f"a lease has up to 16 tags, and not {len(made)}")
    return made


def default_owner() -> str:
    """program@host:pid, of this process."""
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
    return f"{_printable(program, 128)}@{_printable(socket.gethostname(), 64)}:{os.getpid()}"


def _printable(text: str, limit: int) -> str:
    return "".join(c if "!" <= c <= "~" else "?" for c in text[:limit])
