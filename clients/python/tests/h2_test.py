"""The wire, byte by byte, without a socket."""

import struct
import unittest

from holdfast import _h2
from holdfast._h2 import Connection, End, Message, ProtocolError


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def frames(data):
    if data.startswith(_h2.PREFACE):
        data = data[len(_h2.PREFACE) :]
    while data:
        length = int.from_bytes(data[:3], "big")
        yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + length]
        data = data[9 + length :]


def text(value):
    return bytes([len(value)]) + value


def field(name, value):
    return b"\x40" + text(name) + text(value)


OK = b"\x20\x88" + field(b"grpc-status", b"0")
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9


class ConnectionTest(unittest.TestCase):
    def setUp(self):
        self.http = Connection("localhost")
        self.http.receive(frame(SETTINGS, 0, 0))
        self.stream = self.http.begin("/a/B", 1.5)

    def test_a_call(self):
        self.http.send(self.stream, b"hello", True)
        sent = list(frames(self.http.take_output()))
        headers = next(f for f in sent if f[0] == HEADERS)
        self.assertIn((b":path", b"/a/B"), list(_h2._decode(headers[3])))
        self.assertIn((b"grpc-timeout", b"1500000u"), list(_h2._decode(headers[3])))
        self.assertEqual(sent[-1], (DATA, 1, 1, b"\0\0\0\0\x05hello"))

        answer = frame(HEADERS, 4, 1, b"\x88") + frame(DATA, 0, 1, b"\0\0\0\0\x02hi")
        whole = answer + frame(HEADERS, 5, 1, field(b"grpc-status", b"0"))
        # However the bytes come.
        events = [event for byte in whole for event in self.http.receive(bytes([byte]))]
        self.assertEqual(events, [Message(1, b"hi"), End(1, None)])
        self.assertEqual(self.http.open_streams, 0)

    def test_an_error_says_what_the_server_says(self):
        block = b"\x88" + field(b"grpc-status", b"10") + field(b"grpc-message", b"a%20%c3%a9")
        (end,) = self.http.receive(frame(HEADERS, 5, 1, block))
        self.assertEqual((end.failure.code, end.failure.message), ("ABORTED", "a é"))

    def test_text_in_the_huffman_code(self):
        # From the standard's examples: C.4.1, C.6.1 and C.4.3.
        for packed, plain in [
            ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
            ("9d29ad171863c78f0b97c8e9ae82ae43d3", b"https://www.example.com"),
            ("25a849e95bb8e8b4bf", b"custom-value"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
        ]:
            self.assertEqual(_h2._unpacked(bytes.fromhex(packed)), plain)
        with self.assertRaises(ProtocolError):
            _h2._unpacked(b"\xf1\x00")

    def test_headers_in_pieces_and_padded(self):
        self.assertEqual(self.http.receive(frame(HEADERS, 1 | 8, 1, b"\x02" + OK[:5] + b"xx")), [])
        self.assertEqual(self.http.receive(frame(CONTINUATION, 4, 1, OK[5:])), [End(1, None)])

    def test_nothing_is_sent_that_the_server_has_no_room_for(self):
        body = b"x" * 100_000
        self.http.send(self.stream, body, True)
        sent = [f for f in frames(self.http.take_output()) if f[0] == DATA]
        self.assertEqual(sum(len(f[3]) for f in sent), 65535)
        self.http.receive(frame(WINDOW, 0, 0, struct.pack(">I", 1 << 20)))
        self.assertEqual(self.http.take_output(), b"")
        self.http.receive(frame(WINDOW, 0, 1, struct.pack(">I", 1 << 20)))
        rest = [f for f in frames(self.http.take_output()) if f[0] == DATA]
        self.assertEqual(sum(len(f[3]) for f in sent + rest), len(body) + 5)
        self.assertEqual(rest[-1][1], 1)
        self.assertTrue(all(len(f[3]) <= 16384 for f in sent + rest))

    def test_pings_are_answered_and_settings_acknowledged(self):
        self.http.take_output()
        self.http.receive(frame(PING, 0, 0, b"12345678") + frame(SETTINGS, 0, 0))
        self.assertEqual(
            list(frames(self.http.take_output())), [(PING, 1, 0, b"12345678"), (SETTINGS, 1, 0, b"")]
        )

    def test_a_server_that_goes_away_ends_what_it_has_not_begun(self):
        later = self.http.begin("/a/B", None)
        events = self.http.receive(frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0)))
        self.assertTrue(self.http.going_away)
        self.assertEqual([e.stream for e in events if isinstance(e, End)], [later])
        self.assertEqual(self.http.receive(frame(HEADERS, 5, 1, OK)), [End(1, None)])

    def test_a_call_that_is_reset_or_has_no_status_failed(self):
        (end,) = self.http.receive(frame(RST, 0, 1, struct.pack(">I", 7)))
        self.assertEqual(end.failure.code, "UNAVAILABLE")
        stream = self.http.begin("/a/B", None)
        (end,) = self.http.receive(frame(HEADERS, 5, stream, b"\x8d"))  # HTTP 404.
        self.assertIn("404", end.failure.message)

    def test_a_call_that_was_cancelled_is_not_heard_of_again(self):
        self.http.take_output()
        self.http.cancel(self.stream)
        self.assertEqual([f[0] for f in frames(self.http.take_output())], [RST])
        self.assertEqual(self.http.receive(frame(HEADERS, 5, 1, OK)), [])

    def test_nonsense_is_refused(self):
        for nonsense in (
            frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
            frame(HEADERS, 5, 1, b"\x40\x7fabc"),
            frame(HEADERS, 5, 1, b"\xbe"),
            frame(DATA, 0, 1, b"\x01\0\0\0\x01x"),
            b"\xff\xff\xff\0\0\0\0\0\0",
        ):
            http = Connection("localhost")
            http.begin("/a/B", None)
            with self.assertRaises(ProtocolError, msg=nonsense):
                http.receive(nonsense)


if __name__ == "__main__":
    unittest.main()
