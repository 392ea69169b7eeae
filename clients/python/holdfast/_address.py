"""Where the server is: unix:/path or host:port."""

from __future__ import annotations

import os
import socket
from typing import Optional, Union

from .errors import LockInvalidError

DEFAULT_ADDRESS = "unix:/run/holdfast/holdfast.sock"

# Of Linux; the socket module has no name for it in all type stubs.
_TCP_USER_TIMEOUT = 18

# sockaddr_un has room for this, and a zero byte.
_LONGEST_PATH = 107


class Address:
    """LockInvalidError: it is neither. None: HOLDFAST_ADDRESS, or else the default socket."""

    def __init__(self, text: Optional[str] = None) -> None:
        self.text = text if text is not None else os.environ.get("HOLDFAST_ADDRESS") or DEFAULT_ADDRESS
        self.path: Optional[str] = None
        self.host, self.port = "", 0
        if self.text.startswith("unix:"):
            self.path = self.text[len("unix:") :]
            if not 1 <= len(os.fsencode(self.path)) <= _LONGEST_PATH:
                raise self._wrong(f"a path has 1 to {_LONGEST_PATH} bytes")
            return
        host, colon, port = self.text.rpartition(":")
        if not colon or not host or "/" in host:
            raise self._wrong("it is unix:/path or host:port")
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise self._wrong("an IPv6 address needs brackets: [::1]:port")
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise self._wrong("the port is a number from 1 to 65535")
        self.host, self.port = host.strip("[]"), int(port)

    def _wrong(self, why: str) -> LockInvalidError:
        return LockInvalidError(f'address "{self.text}": {why}')

    @property
    def authority(self) -> str:
        return "localhost" if self.path is not None else self.text

    def targets(self) -> list[tuple[int, Union[str, tuple[object, ...]]]]:
        """What to connect to, in turn: each a family and an address of it. OSError: the
        name is not known. Blocks, for a name of a host."""
        if self.path is not None:
            return [(socket.AF_UNIX, self.path)]
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return [(family, target) for family, _, _, _, target in found]


def set_up(sock: socket.socket) -> None:
    """A wait may be silent for hours. Over TCP, a connection whose other end has vanished
    without a word is noticed within 30 s."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, 25_000)
