"""A session: one stream over a connection of its own, for leases that are bound to it.

It is opened with the first bound lock, and answers the same calls as the other transports;
so the same steps serve both. One thread reads. When the stream breaks, whatever was unanswered
fails with UNAVAILABLE and is sent again by its steps, on a new stream that lists what is held
(protos/holdfast/v1/session.proto).
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import uuid
import weakref
from typing import Any, Callable, Optional

from . import _h2, _wire
from ._address import Address
from ._lease import Lease, call_soon
from ._plain import _NO_ANSWER, Wire, broken, connecting_failed
from ._stubs import lock_service_pb2, session_pb2
from ._wire import Failure, Method

_PATH = "/holdfast.v1.SessionService/Session"

# Of a page of Attach: it stays within the server's --max-message-bytes, however long the keys.
_MOST_LISTED = 64

# Between one stream and the next, if it is only for the leases that are held.
_REOPEN_PAUSE = 0.2

_CLOSED = Failure("CANCELLED", "the client was closed")

Listener = Callable[[Any], object]


class _Pending:
    def __init__(self, operation: session_pb2.Operation, listener: Listener) -> None:
        self.operation = operation
        self.listener = listener


class Session:
    """Thread-safe. Not to be used in a forked child."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._id = str(uuid.uuid4())
        self._mutex = threading.Lock()
        self._wire: Optional[Wire] = None
        self._stream = 0
        self._streams = 0
        self._operations = 0
        self._closed = False
        self._pending: dict[int, _Pending] = {}
        # By their ids: the keys of leases that were granted and not released, and of acquires
        # that were unanswered when their stream broke.
        self._held: dict[str, str] = {}
        self._doubtful: dict[str, str] = {}
        self._leases: weakref.WeakValueDictionary[str, Lease] = weakref.WeakValueDictionary()
        self.asynchronous = AsyncSession(self)

    def hold(self, lease: Lease) -> None:
        """It is told when the server says that it has ended."""
        self._leases[lease.lease_id] = lease

    # --- As a transport ---

    def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[Listener] = None,
    ) -> Any:
        """The answer or a Failure; places in the queue go to `on_message` as they come."""
        inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        give_up_at = None if limit is None else time.monotonic() + limit
        number = self.begin(method, request, inbox.put)
        try:
            while True:
                left = None if give_up_at is None else max(give_up_at - time.monotonic(), 0.0)
                answer = inbox.get(timeout=left)
                if _is_last(answer):
                    return answer
                if on_message is not None:
                    on_message(answer)
        except queue.Empty:
            return _NO_ANSWER
        finally:
            self.forget(number)

    def begin(self, method: Method, request: Any, listener: Listener) -> int:
        """Begins an operation. `listener` is called with each answer, in some thread, or before
        this returns; the last one is a Failure, or what is no place in the queue."""
        operation = session_pb2.Operation()
        if method.waits:
            operation.acquire.request.CopyFrom(request)
            operation.acquire.report_queue = method.streams
        elif method is _wire.RELEASE:
            operation.release.CopyFrom(request)
        else:
            operation.renew.CopyFrom(request)
        with self._mutex:
            self._operations += 1
            number = operation.id = self._operations
            if self._closed:
                failure: Optional[Failure] = _CLOSED
            else:
                self._pending[number] = _Pending(operation, listener)
                failure = self._open() if self._wire is None else None
                if failure is None:
                    self._send(operations=[operation])
            if failure is not None:
                self._pending.pop(number, None)
        if failure is not None:
            listener(failure)
        return number

    def forget(self, number: int) -> None:
        """Nobody waits for it any more. An acquire may still be granted: release it."""
        with self._mutex:
            forgotten = self._pending.pop(number, None)
            if forgotten is not None and forgotten.operation.HasField("acquire"):
                request = forgotten.operation.acquire.request
                self._doubtful[request.lease_id] = request.key

    def close(self) -> None:
        """Bound leases are lost before their stream is ended."""
        with self._mutex:
            self._closed = True
            wire, self._wire = self._wire, None
            leases = [lease for lease in self._leases.values() if lease.lease_id in self._held]
            pending, self._pending = self._pending, {}
        for lease in leases:
            lease._lose("the client was closed", "")
        for each in pending.values():
            each.listener(_CLOSED)
        if wire is not None:
            wire.close()

    # --- The stream; all with the mutex held ---

    def _open(self) -> Optional[Failure]:
        try:
            wire = Wire(self._address)
        except OSError as error:
            return connecting_failed(self._address, error)
        self._streams += 1
        self._wire = wire
        self._stream = wire.http.begin(_PATH, None)
        listed = [
            session_pb2.Operation.HeldLease(key=key, lease_id=lease_id)
            for lease_id, key in {**self._doubtful, **self._held}.items()
        ]
        self._operations += 1
        attach_id = self._operations
        first = session_pb2.Operation.Attach(
            session_id=self._id, stream_number=self._streams, leases=listed[:_MOST_LISTED]
        )
        pages = [first]
        for begin in range(_MOST_LISTED, len(listed), _MOST_LISTED):
            pages[-1].more = True
            page = listed[begin : begin + _MOST_LISTED]
            pages.append(session_pb2.Operation.Attach(leases=page))
        for attach in pages:
            self._send(operations=[session_pb2.Operation(id=attach_id, attach=attach)])
        threading.Thread(
            target=self._read, args=(wire,), name="holdfast-session", daemon=True
        ).start()
        return None

    def _send(self, **fields: Any) -> None:
        wire = self._wire
        if wire is None:
            return
        request = session_pb2.SessionRequest(**fields)
        wire.http.send(self._stream, request.SerializeToString(), False)
        try:
            wire.write(None)
        except OSError:
            pass  # The thread that reads hears of it.

    # --- The thread that reads ---

    def _read(self, wire: Wire) -> None:
        why = "the server has ended the session"
        failure: Optional[Failure] = None
        try:
            while failure is None:
                data = wire.receive_bytes()
                calls: list[Callable[[], object]] = []
                with self._mutex:
                    if wire is not self._wire:
                        return
                    for event in wire.http.receive(data):
                        if isinstance(event, _h2.Message):
                            self._hear(event.body, calls)
                        elif isinstance(event, _h2.End):
                            failure = event.failure or broken(self._address, why)
                    self._send_output()
                for call in calls:
                    call()
        except (OSError, _h2.ProtocolError) as error:
            failure = broken(self._address, str(error))
        self._on_broken(wire, failure or broken(self._address, why))

    def _send_output(self) -> None:
        if self._wire is not None:
            try:
                self._wire.write(None)
            except OSError:
                pass

    def _hear(self, body: bytes, calls: list[Callable[[], object]]) -> None:
        response = session_pb2.SessionResponse.FromString(body)
        for event in response.events:
            kind = event.WhichOneof("event")
            if kind == "lease_ended":
                self._hear_lease_ended(event.lease_ended, calls)
            elif kind == "attached":
                self._doubtful.clear()
            elif event.id in self._pending:
                self._hear_answer(event, kind, calls)
            elif kind == "granted":
                pass  # Of an acquire that was forgotten: its release is under way.
        self._send(received=response.number)

    def _hear_answer(
        self, event: session_pb2.Event, kind: Optional[str], calls: list[Callable[[], object]]
    ) -> None:
        pending = self._pending[event.id]
        operation = pending.operation
        answer: Any
        if kind == "queued":
            answer = lock_service_pb2.WaitEvent(queued=event.queued)
            calls.append(lambda: pending.listener(answer))
            return
        del self._pending[event.id]
        if kind == "granted":
            request = operation.acquire.request
            self._held[request.lease_id] = request.key
            if operation.acquire.report_queue:
                answer = lock_service_pb2.WaitEvent()
                answer.granted.lease.CopyFrom(event.granted)
            else:
                answer = lock_service_pb2.AcquireResponse(lease=event.granted)
        elif kind == "renewed":
            answer = lock_service_pb2.RenewResponse(lease=event.renewed)
        elif kind == "failed":
            answer = _wire.failure_of_status(event.failed)
            self._leave(operation)
        else:
            answer = lock_service_pb2.ReleaseResponse()
            self._leave(operation)
        calls.append(lambda: pending.listener(answer))

    def _leave(self, operation: session_pb2.Operation) -> None:
        if operation.HasField("release"):
            self._held.pop(operation.release.lease_id, None)
            self._doubtful.pop(operation.release.lease_id, None)

    def _hear_lease_ended(self, ended: Any, calls: list[Callable[[], object]]) -> None:
        self._doubtful.pop(ended.lease_id, None)
        lease = self._leases.get(ended.lease_id)
        if self._held.pop(ended.lease_id, None) is not None and lease is not None:
            reason = _wire.reason_name(ended.reason)
            lease._ended_by_server = True
            lose = lease._lose
            calls.append(lambda: lose("the server has told that it has ended", reason))

    def _on_broken(self, wire: Wire, failure: Failure) -> None:
        wire.close()
        with self._mutex:
            if wire is not self._wire:
                return
            self._wire = None
            pending, self._pending = self._pending, {}
            for each in pending.values():
                if each.operation.HasField("acquire"):
                    request = each.operation.acquire.request
                    self._doubtful[request.lease_id] = request.key
        for each in pending.values():
            each.listener(failure)
        while True:
            time.sleep(_REOPEN_PAUSE)
            with self._mutex:
                if self._wire is not None or self._closed or not self._held:
                    return
                if self._open() is None:
                    return


def _is_last(answer: Any) -> bool:
    return isinstance(answer, Failure) or not (
        isinstance(answer, lock_service_pb2.WaitEvent) and answer.HasField("queued")
    )


class AsyncSession:
    """The same session, for tasks of any event loop."""

    def __init__(self, session: Session) -> None:
        self._session = weakref.ref(session)

    async def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[Listener] = None,
    ) -> Any:
        session = self._session()
        if session is None:
            return _CLOSED
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        number = session.begin(
            method, request, lambda answer: call_soon(loop, lambda: inbox.put_nowait(answer))
        )
        try:
            async with asyncio.timeout(limit):
                while True:
                    answer = await inbox.get()
                    if _is_last(answer):
                        return answer
                    if on_message is not None:
                        on_message(answer)
        except TimeoutError:
            return _NO_ANSWER
        finally:
            session.forget(number)
