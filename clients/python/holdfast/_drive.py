"""Carries steps out: in the calling thread, or in a task of an event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Generator, Optional, Protocol

from ._steps import Pause
from ._stubs import lock_service_pb2
from ._wire import Method
from .info import QueuePlace, place_from

OnQueued = Callable[[QueuePlace], object]


OnMessage = Callable[[Any], object]


class Caller(Protocol):
    """Who makes calls for threads."""

    def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[OnMessage] = None,
    ) -> Any:
        """The answer or a Failure; messages of a method that streams go to `on_message` as
        they come, and the last perhaps not."""


class AsyncCaller(Protocol):
    """Who makes calls for tasks."""

    async def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[OnMessage] = None,
    ) -> Any:
        """As Caller.call."""


def run(
    steps: Generator[Any, Any, Any], caller: Caller, on_queued: Optional[OnQueued] = None
) -> Any:
    """What the steps come to; or what they raise."""
    on_message = _reporter(on_queued)
    answer: Any = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            answer = None
        else:
            answer = caller.call(step.method, step.request, step.limit, on_message)


async def run_async(
    steps: Generator[Any, Any, Any], caller: AsyncCaller, on_queued: Optional[OnQueued] = None
) -> Any:
    """What the steps come to; or what they raise."""
    on_message = _reporter(on_queued)
    answer: Any = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            answer = None
        else:
            answer = await caller.call(step.method, step.request, step.limit, on_message)


def _reporter(on_queued: Optional[OnQueued]) -> Optional[OnMessage]:
    if on_queued is None:
        return None
    tell = on_queued


    def report(event: Any) -> None:
        if isinstance(event, lock_service_pb2.WaitEvent) and event.HasField("queued"):
            tell(place_from(event.queued))

    return report
