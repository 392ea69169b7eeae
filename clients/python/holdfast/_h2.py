"""The part of HTTP/2 and gRPC that a client of one server needs, without a socket.

Bytes go in, events come out, and `take_output` has what is to be sent: so the same code
serves blocking sockets and event loops. Left out is what the server never does (pushed
streams, padding is skipped) and what calls this small never need (compression, priorities).

Header blocks. The dynamic table is declared to have no room, so there is none to keep. What
can still come is a number for a name that all connections know, of which only those of
":status" matter here, and text in the standard's Huffman code.
"""

from __future__ import annotations

import base64
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Iterator, Optional, Union
from urllib.parse import unquote

from ._wire import CODES, STATUS_DETAILS, Failure, failure_of

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32

_SETTING_TABLE_SIZE, _SETTING_PUSH, _SETTING_STREAMS, _SETTING_WINDOW, _SETTING_FRAME = 1, 2, 3, 4, 5

# What a peer may send before it is told that there is more room.
_OUR_WINDOW = 1 << 24
_LARGEST_FRAME = 16384

# The numbers of streams come to an end; a connection is given up long before.
_LAST_STREAM = 1 << 30


@dataclass(frozen=True)
class Message:
    """The server has sent a message on a stream."""

    stream: int
    body: bytes


@dataclass(frozen=True)
class End:
    """A stream is over. `failure` is None if it ended with OK."""

    stream: int
    failure: Optional[Failure]


@dataclass(frozen=True)
class GoingAway:
    """No stream may be begun any more; those that are open go on."""


Event = Union[Message, End, GoingAway]


class ProtocolError(Exception):
    """The peer speaks something else."""


@dataclass
class _Stream:
    window: int
    to_grant: int = 0
    inbox: bytearray = field(default_factory=bytearray)
    outbox: deque[tuple[bytes, bool]] = field(default_factory=deque)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Connection:
    """One connection from its first byte. Single-threaded."""

    def __init__(self, authority: str) -> None:
        self.largest_number_of_streams = 2**31
        self.going_away = False
        self._pseudo = (
            _literal(b":method", b"POST")
            + _literal(b":scheme", b"http")
            + _literal(b":authority", authority.encode())
        )
        self._streams: dict[int, _Stream] = {}
        self._next_stream = 1
        self._input = bytearray()
        self._window = 65535
        self._stream_window = 65535
        self._to_grant = 0
        self._block: Optional[tuple[int, bool, bytearray]] = None
        settings = ((_SETTING_TABLE_SIZE, 0), (_SETTING_PUSH, 0), (_SETTING_WINDOW, _OUR_WINDOW))
        self._output: list[bytes] = [
            PREFACE,
            _frame(_SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in settings)),
            _frame(_WINDOW, 0, 0, struct.pack(">I", _OUR_WINDOW)),
        ]

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def begin(self, path: str, timeout: Optional[float]) -> int:
        """Begins a call, which ends with End. `timeout`: what the server is told."""
        stream = self._next_stream
        self._next_stream += 2
        if self._next_stream > _LAST_STREAM:
            self.going_away = True
        self._streams[stream] = _Stream(self._stream_window)
        block = self._pseudo + _literal(b":path", path.encode()) + _HEADERS_OF_ALL
        if timeout is not None:
            # At most eight digits.
            micros = max(int(timeout * 1e6), 1)
            text = b"%du" % micros if micros < 10**8 else b"%dS" % min(int(timeout) + 1, 10**8 - 1)
            block += _literal(b"grpc-timeout", text)
        self._output.append(_frame(_HEADERS, _END_HEADERS, stream, block))
        return stream

    def send(self, stream: int, body: bytes, last: bool) -> None:
        """One message; nothing follows the `last`."""
        state = self._streams.get(stream)
        if state is None:
            return
        state.outbox.append((b"\0" + struct.pack(">I", len(body)) + body, last))
        self._flush(stream, state)

    def close(self, stream: int) -> None:
        """Nothing more is to be sent on it."""
        state = self._streams.get(stream)
        if state is not None:
            state.outbox.append((b"", True))
            self._flush(stream, state)

    def cancel(self, stream: int) -> None:
        """Of no interest any more: it has no End."""
        if self._streams.pop(stream, None) is not None:
            self._output.append(_frame(_RST, 0, stream, struct.pack(">I", 8)))

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes) -> list[Event]:
        """What `data` means. ProtocolError: the connection is of no use any more."""
        self._input += data
        events: list[Event] = []
        offset = 0
        while len(self._input) - offset >= 9:
            length = int.from_bytes(self._input[offset : offset + 3], "big")
            kind, flags = self._input[offset + 3], self._input[offset + 4]
            stream = int.from_bytes(self._input[offset + 5 : offset + 9], "big") & 0x7FFFFFFF
            if length > _LARGEST_FRAME:
                raise ProtocolError("a frame is too large")
            if len(self._input) - offset - 9 < length:
                break
            payload = bytes(self._input[offset + 9 : offset + 9 + length])
            offset += 9 + length
            events += self._on_frame(kind, flags, stream, payload)
        del self._input[:offset]
        return events

    def _flush(self, number: int, stream: _Stream) -> None:
        while stream.outbox:
            body, last = stream.outbox[0]
            room = min(self._window, stream.window, _LARGEST_FRAME)
            if body and room <= 0:
                return
            part, rest = body[:room], body[room:]
            self._window -= len(part)
            stream.window -= len(part)
            end = last and not rest
            self._output.append(_frame(_DATA, _END_STREAM if end else 0, number, part))
            if rest:
                stream.outbox[0] = (rest, last)
            else:
                stream.outbox.popleft()

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> Iterator[Event]:
        if kind == _DATA:
            yield from self._on_data(flags, stream, _unpadded(flags, payload), len(payload))
        elif kind == _HEADERS:
            block = _unpadded(flags, payload)
            if flags & _PRIORITY:
                block = block[5:]
            yield from self._on_block(stream, bool(flags & _END_STREAM), block, flags)
        elif kind == _CONTINUATION and self._block is not None:
            stream, end, begun = self._block
            yield from self._on_block(stream, end, bytes(begun) + payload, flags)
        elif kind == _RST:
            if self._streams.pop(stream, None) is not None:
                yield End(stream, Failure("UNAVAILABLE", "the server has reset the call"))
        elif kind == _SETTINGS and not flags & _ACK:
            self._on_settings(payload)
        elif kind == _PING and not flags & _ACK:
            self._output.append(_frame(_PING, _ACK, 0, payload))
        elif kind == _GOAWAY:
            self.going_away = True
            last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
            yield GoingAway()
            for refused in [number for number in self._streams if number > last]:
                del self._streams[refused]
                yield End(refused, Failure("UNAVAILABLE", "the server is going away"))
        elif kind == _WINDOW:
            self._on_window(stream, int.from_bytes(payload, "big") & 0x7FFFFFFF)

    def _on_settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == _SETTING_STREAMS:
                self.largest_number_of_streams = value
            elif name == _SETTING_WINDOW:
                change, self._stream_window = value - self._stream_window, value
                for number, stream in self._streams.items():
                    stream.window += change
                    self._flush(number, stream)
        self._output.append(_frame(_SETTINGS, _ACK, 0, b""))

    def _on_window(self, stream: int, more: int) -> None:
        if stream:
            if stream in self._streams:
                self._streams[stream].window += more
                self._flush(stream, self._streams[stream])
            return
        self._window += more
        for number, state in self._streams.items():
            self._flush(number, state)

    def _on_data(self, flags: int, number: int, data: bytes, size: int) -> Iterator[Event]:
        self._to_grant += size
        if self._to_grant >= _OUR_WINDOW // 2:
            self._output.append(_frame(_WINDOW, 0, 0, struct.pack(">I", self._to_grant)))
            self._to_grant = 0
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.to_grant += size
        if stream.to_grant >= _OUR_WINDOW // 2:
            self._output.append(_frame(_WINDOW, 0, number, struct.pack(">I", stream.to_grant)))
            stream.to_grant = 0
        stream.inbox += data
        while len(stream.inbox) >= 5:
            length = int.from_bytes(stream.inbox[1:5], "big")
            if stream.inbox[0] != 0:
                raise ProtocolError("a message is compressed")
            if len(stream.inbox) < 5 + length:
                break
            yield Message(number, bytes(stream.inbox[5 : 5 + length]))
            del stream.inbox[: 5 + length]
        if flags & _END_STREAM:
            del self._streams[number]
            yield End(number, Failure("INTERNAL", "the answer has no status"))

    def _on_block(self, number: int, end: bool, block: bytes, flags: int) -> Iterator[Event]:
        if not flags & _END_HEADERS:
            if len(block) > 1 << 20:
                raise ProtocolError("headers are too large")
            self._block = (number, end, bytearray(block))
            return
        self._block = None
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.headers += _decode(block)
        if end:
            del self._streams[number]
            yield End(number, _outcome(dict(stream.headers)))


def _outcome(headers: dict[bytes, bytes]) -> Optional[Failure]:
    status = headers.get(b"grpc-status")
    if status is None or not status.isdigit():
        http = headers.get(b":status", b"?").decode("latin-1")
        return Failure("UNAVAILABLE", f"the server answers with HTTP status {http}")
    code = int(status)
    if code == 0:
        return None
    message = unquote(headers.get(b"grpc-message", b"").decode("latin-1"))
    details = headers.get(STATUS_DETAILS.encode())
    return failure_of(
        CODES[code] if code < len(CODES) else "UNKNOWN",
        message,
        base64.b64decode(details + b"===") if details else None,
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("wrong padding")
    return payload[1 : len(payload) - payload[0]]


def _number(prefix: int, bits: int, value: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes([prefix | value])
    out = [prefix | most]
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def _literal(name: bytes, value: bytes) -> bytes:
    """Not to be put into a table, and not compressed."""
    return b"\0" + _number(0, 7, len(name)) + name + _number(0, 7, len(value)) + value


_HEADERS_OF_ALL = (
    _literal(b"content-type", b"application/grpc")
    + _literal(b"te", b"trailers")
    + _literal(b"user-agent", b"holdfast-python")
)

# Those of the static table that have a meaning here: 8 to 14.
_STATUSES = (b"200", b"204", b"206", b"304", b"400", b"404", b"500")


def _decode(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 0
    while offset < len(block):
        first = block[offset]
        if first & 0x80:
            index, offset = _read_number(block, offset, 7)
            if 8 <= index <= 14:
                yield b":status", _STATUSES[index - 8]
            elif not 1 <= index <= 61:
                raise ProtocolError("an entry of the empty table")
            continue
        if first & 0xE0 == 0x20:
            size, offset = _read_number(block, offset, 5)
            continue
        index, offset = _read_number(block, offset, 6 if first & 0x40 else 4)
        if index:
            name = b":status" if 8 <= index <= 14 else b""
        else:
            name, offset = _read_text(block, offset)
        value, offset = _read_text(block, offset)
        yield name, value


def _read_number(block: bytes, offset: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[offset] & most
    offset += 1
    if value < most:
        return value, offset
    for shift in range(0, 28, 7):
        if offset >= len(block):
            break
        byte = block[offset]
        offset += 1
        value += (byte & 127) << shift
        if byte < 128:
            return value, offset
    raise ProtocolError("a number that does not end")


def _read_text(block: bytes, offset: int) -> tuple[bytes, int]:
    if offset >= len(block):
        raise ProtocolError("headers are cut off")
    huffman = block[offset] & 0x80
    length, offset = _read_number(block, offset, 7)
    text = block[offset : offset + length]
    if len(text) < length:
        raise ProtocolError("headers are cut off")
    return (_unpacked(text) if huffman else text), offset + length


# The standard's code is canonical: the lengths of its words say all. These are those of up to
# 15 bits, each with the characters that have it; what else there is does not occur in text
# that gRPC sends.
_WORDS = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: "!\"()?",
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
}


def _make_words() -> dict[tuple[int, int], int]:
    words, code, last = {}, 0, 5
    for length, characters in _WORDS.items():
        code <<= length - last
        last = length
        for character in characters:
            words[length, code] = ord(character)
            code += 1
    return words


_SYMBOLS = _make_words()


def _unpacked(packed: bytes) -> bytes:
    out = bytearray()
    length = code = 0
    for byte in packed:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is not None:
                out.append(symbol)
                length = code = 0
    if length > 7 or code != (1 << length) - 1:
        raise ProtocolError("text that cannot be read")
    return bytes(out)
