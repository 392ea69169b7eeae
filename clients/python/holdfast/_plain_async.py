"""Calls over sockets of our own in an event loop: all calls of a loop share connections.

Thread-safe in that several loops in several threads may use one transport: each has
connections of its own, which end with it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import weakref
from typing import Any, Callable, Optional

from . import _fork, _h2
from ._address import Address, set_up
from ._plain import _CONNECT_LIMIT, _NO_ANSWER, broken, connecting_failed
from ._wire import Failure, Method

# Calls that share a connection. The server may allow fewer.
_MOST_CALLS = 100


class _Wire:
    """One connection, used in its loop alone."""

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self._address = address
        self._loop = loop
        self.http = _h2.Connection(address.authority)
        self.broken: Optional[Failure] = None
        self._listeners: dict[int, Callable[[Any], None]] = {}
        self._socket: Optional[socket.socket] = None
        self._unsent = b""
        self.ready = loop.create_task(self._connect())

    def __del__(self) -> None:
        if self._socket is not None:
            _fork.sockets.discard(self._socket)
            self._socket.close()

    @property
    def usable(self) -> bool:
        room = min(_MOST_CALLS, self.http.largest_number_of_streams)
        return (
            self.broken is None and not self.http.going_away and self.http.open_streams < room
        )

    async def _connect(self) -> None:
        """Sets `broken` if it cannot."""
        trouble: OSError = OSError("the name of the host has no address")
        try:
            if self._address.path is not None:
                targets = self._address.targets()
            else:
                targets = await self._loop.run_in_executor(None, self._address.targets)
            for family, target in targets:
                sock = socket.socket(family, socket.SOCK_STREAM)
                sock.setblocking(False)
                try:
                    set_up(sock)
                    async with asyncio.timeout(_CONNECT_LIMIT):
                        await self._loop.sock_connect(sock, target)
                except OSError as error:
                    sock.close()
                    trouble = error
                    continue
                except BaseException:
                    sock.close()
                    raise
                self._socket = sock
                _fork.sockets.add(sock)
                # The loop must not keep this object alive.
                me = weakref.ref(self)
                self._loop.add_reader(sock.fileno(), _call_weakly, me, _Wire._on_readable)
                self.flush()
                return
        except OSError as error:
            trouble = error
        self._end(connecting_failed(self._address, trouble))

    def begin(
        self, method: Method, body: bytes, limit: Optional[float], listener: Callable[[Any], None]
    ) -> int:
        stream = self.http.begin(method.path, limit)
        self._listeners[stream] = listener
        self.http.send(stream, body, True)
        self.flush()
        return stream

    def cancel(self, stream: int) -> None:
        if self._listeners.pop(stream, None) is not None:
            self.http.cancel(stream)
            self.flush()

    def close(self) -> None:
        self._end(Failure("CANCELLED", "the client was closed"))

    def flush(self) -> None:
        self._unsent += self.http.take_output()
        if self._socket is None or not self._unsent:
            return
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(broken(self._address, error.strerror or str(error)))
            return
        if self._unsent:
            me = weakref.ref(self)
            self._loop.add_writer(self._socket.fileno(), _call_weakly, me, _Wire._on_writable)

    def _on_writable(self) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())
            self.flush()

    def _on_readable(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(65536)
            if not data:
                self._end(broken(self._address, "the server has closed it"))
                return
            events = self.http.receive(data)
        except BlockingIOError:
            return
        except (OSError, _h2.ProtocolError) as error:
            self._end(broken(self._address, str(error)))
            return
        for event in events:
            if isinstance(event, _h2.Message):
                listener = self._listeners.get(event.stream)
                if listener is not None:
                    listener(event.body)
            elif isinstance(event, _h2.End):
                listener = self._listeners.pop(event.stream, None)
                if listener is not None:
                    listener(event)
        self.flush()
        if self.http.going_away and not self._listeners:
            self._end(broken(self._address, "the server is going away"))

    def _end(self, why: Failure) -> None:
        if self.broken is not None:
            return
        self.broken = why
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            _fork.sockets.discard(self._socket)
            self._socket.close()
            self._socket = None
        listeners, self._listeners = self._listeners, {}
        for stream, listener in listeners.items():
            listener(_h2.End(stream, why))


def _call_weakly(
    wire: "weakref.ReferenceType[_Wire]", what: Callable[[_Wire], None]
) -> None:
    alive = wire()
    if alive is not None:
        what(alive)


class PlainAsyncTransport:
    """See above. A forked child makes connections of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._generation = _fork.generation
        self._mutex = threading.Lock()
        self._wires: dict[asyncio.AbstractEventLoop, list[_Wire]] = {}

    async def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[Callable[[Any], object]] = None,
    ) -> Any:
        """The answer or a Failure; each message goes to `on_message` as it comes."""
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        stream = 0
        wire: Optional[_Wire] = None
        last: Any = None
        try:
            async with asyncio.timeout(limit):
                wire = self._wire()
                if not wire.ready.done():
                    await asyncio.shield(wire.ready)
                if wire.broken is not None:
                    return wire.broken
                stream = wire.begin(method, request.SerializeToString(), limit, inbox.put_nowait)
                while True:
                    event = await inbox.get()
                    if isinstance(event, bytes):
                        last = method.parse(event)
                        if on_message is not None:
                            on_message(last)
                        continue
                    stream = 0
                    if event.failure is not None:
                        return event.failure
                    return Failure("INTERNAL", "the answer is empty") if last is None else last
        except TimeoutError:
            return _NO_ANSWER
        finally:
            if wire is not None and stream:
                wire.cancel(stream)

    def close(self) -> None:
        """Ends the connections of the running loop."""
        with self._guard():
            wires = self._wires.pop(asyncio.get_running_loop(), [])
        for wire in wires:
            wire.close()

    def _guard(self) -> threading.Lock:
        """Of self._wires, which in a forked child are none."""
        if self._generation != _fork.generation:
            with _fork.mutex:
                if self._generation != _fork.generation:
                    _fork.keep_for_ever(self._wires)
                    self._wires = {}
                    self._mutex = threading.Lock()
                    self._generation = _fork.generation
        return self._mutex

    def _wire(self) -> _Wire:
        loop = asyncio.get_running_loop()
        with self._guard():
            wires = self._wires.get(loop)
            if wires is None:
                # Those of loops that have ended close their sockets when they go.
                for ended in [other for other in self._wires if other.is_closed()]:
                    del self._wires[ended]
                wires = self._wires[loop] = []
        wires[:] = [wire for wire in wires if wire.broken is None and not wire.http.going_away]
        for wire in wires:
            if wire.usable:
                return wire
        wires.append(_Wire(self._address, loop))
        return wires[-1]
