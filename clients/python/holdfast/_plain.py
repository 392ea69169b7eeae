"""Calls over blocking sockets of our own: one connection for each call that is under way.

Connections are kept for the next call, so a thread that takes one lock after another uses
one. A call that is broken off, by KeyboardInterrupt for example, takes its connection along,
and nobody else's. There is no thread, and nothing that a fork could leave half-done.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Callable, Iterator, Optional

from . import _fork, _h2
from ._address import Address, set_up
from ._wire import Failure, Method

# Connections without a call that are kept.
_MOST_IDLE = 8

_CONNECT_LIMIT = 5.0

_NO_ANSWER = Failure("DEADLINE_EXCEEDED", "the server has not answered in time")


def connecting_failed(address: Address, error: OSError) -> Failure:
    code = "PERMISSION_DENIED" if isinstance(error, PermissionError) else "UNAVAILABLE"
    return Failure(code, f"cannot connect to {address.text}: {error.strerror or error}")


def broken(address: Address, why: str) -> Failure:
    return Failure("UNAVAILABLE", f"the connection to {address.text} broke: {why}")


class _Expired(Exception):
    pass


class Wire:
    """One connection and its socket. Single-threaded, but for `close`."""

    def __init__(self, address: Address) -> None:
        """OSError: cannot connect."""
        self.http = _h2.Connection(address.authority)
        self._socket = self._connect(address)

    @staticmethod
    def _connect(address: Address) -> socket.socket:
        trouble: OSError = OSError("the name of the host has no address")
        for family, target in address.targets():
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                set_up(sock)
                sock.settimeout(_CONNECT_LIMIT)
                sock.connect(target)
                _fork.sockets.add(sock)
                return sock
            except OSError as error:
                sock.close()
                trouble = error
            except BaseException:
                sock.close()
                raise
        raise trouble

    def __del__(self) -> None:
        sock = getattr(self, "_socket", None)
        if sock is not None:
            _fork.sockets.discard(sock)
            sock.close()

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # Wakes a thread that reads.
        except OSError:
            pass
        _fork.sockets.discard(self._socket)
        self._socket.close()

    def write(self, give_up_at: Optional[float]) -> None:
        """Sends what there is. OSError; TimeoutError if it takes too long."""
        data = self.http.take_output()
        if data:
            self._limit(give_up_at)
            self._socket.sendall(data)

    def read(self, give_up_at: Optional[float]) -> list[_h2.Event]:
        """Waits for something. OSError, ProtocolError: the connection is broken."""
        self._limit(give_up_at)
        return self.http.receive(self.receive_bytes())

    def receive_bytes(self) -> bytes:
        """Waits for some. It may be called while another thread writes. OSError."""
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server has closed it")
        return data

    def still_good(self) -> bool:
        """Whether the server has not closed it while it had no call."""
        try:
            self._socket.settimeout(0)
            data = self._socket.recv(65536)
            if data:
                self.http.receive(data)
        except BlockingIOError:
            return True
        except (OSError, _h2.ProtocolError):
            return False
        return bool(data) and not self.http.going_away

    def _limit(self, give_up_at: Optional[float]) -> None:
        if give_up_at is None:
            self._socket.settimeout(None)
            return
        left = give_up_at - time.monotonic()
        if left <= 0:
            raise _Expired
        self._socket.settimeout(left)


class PlainTransport:
    """Thread-safe. A forked child makes connections of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._generation = _fork.generation
        self._idle: list[Wire] = []

    def call(
        self,
        method: Method,
        request: Any,
        limit: Optional[float],
        on_message: Optional[Callable[[Any], object]] = None,
    ) -> Any:
        """The answer or a Failure; each message goes to `on_message` as it comes."""
        last: Any = None
        for answer in self.stream(method, request, limit):
            last = answer
            if on_message is not None and not isinstance(answer, Failure):
                on_message(answer)
        return Failure("INTERNAL", "the answer is empty") if last is None else last

    def close(self) -> None:
        """Calls that are under way go on."""
        while self._pool():
            self._idle.pop().close()

    def stream(self, method: Method, request: Any, limit: Optional[float]) -> Iterator[Any]:
        """Message by message; a Failure is the last. Closing it ends the call."""
        give_up_at = None if limit is None else time.monotonic() + limit
        try:
            wire = self._take()
        except OSError as error:
            yield connecting_failed(self._address, error)
            return
        whole = False
        try:
            stream = wire.http.begin(method.path, limit)
            wire.http.send(stream, request.SerializeToString(), True)
            while not whole:
                wire.write(give_up_at)
                for event in wire.read(give_up_at):
                    if isinstance(event, _h2.Message):
                        yield method.parse(event.body)
                    elif isinstance(event, _h2.End):
                        whole = True
                        if event.failure is not None:
                            yield event.failure
        except (_Expired, TimeoutError):
            yield _NO_ANSWER
        except (OSError, _h2.ProtocolError) as error:
            yield broken(self._address, str(error))
        finally:
            if whole and not wire.http.going_away and len(self._pool()) < _MOST_IDLE:
                self._idle.append(wire)
            else:
                wire.close()

    def _pool(self) -> list[Wire]:
        if self._generation != _fork.generation:
            with _fork.mutex:
                if self._generation != _fork.generation:
                    _fork.keep_for_ever(self._idle)
                    self._idle = []
                    self._generation = _fork.generation
        return self._idle

    def _take(self) -> Wire:
        pool = self._pool()
        while True:
            try:
                wire = pool.pop()
            except IndexError:
                return Wire(self._address)
            if wire.still_good():
                return wire
            wire.close()
