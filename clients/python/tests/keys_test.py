"""Keys as strings, arguments, and errors that are told before any server is asked."""

import pickle
import unittest

import holdfast
from holdfast import encode_key


class KeysTest(unittest.TestCase):
    def test_the_documented_encoding(self):
        for key, encoded in [
            ("reports/2024", "reports/2024"),
            (None, "holdfast:1:n"),
            (True, "holdfast:1:t"),
            (False, "holdfast:1:f"),
            (-42, "holdfast:1:i-42"),
            (1.5, "holdfast:1:d3ff8000000000000"),
            (b"\x00\xff", "holdfast:1:b00ff"),
            ((), "holdfast:1:()"),
            (("a,b", 1, ("é",)), "holdfast:1:(s3:a,b,i1,(s2:é,),)"),
        ]:
            self.assertEqual(encode_key(key), encoded)

    def test_no_two_values_share_an_encoding(self):
        values = [1, 1.0, True, "1", b"1", (1,), ((1,),), ("1",), ("a", "b"), ("ab",), ("a,s1:b",)]
        values += [0, 0.0, -0.0, False, None, "", ("",), (b"",), ((),)]
        encoded = [encode_key(value) for value in values if value != ""]
        self.assertEqual(len(set(encoded)), len(encoded))

    def test_what_cannot_be_a_key(self):
        for wrong in (object(), [1], {}, (1, [2]), 1j):
            with self.assertRaisesRegex(TypeError, "a key is a str, bytes"):
                encode_key(wrong)
        for wrong in ("", "holdfast:1:i1", "x" * 513, "é" * 257, "\ud800", float("nan")):
            with self.assertRaises(holdfast.LockInvalidError):
                encode_key(wrong)
        encode_key("x" * 512)


class ArgumentsTest(unittest.TestCase):
    def setUp(self):
        self.client = holdfast.Client("unix:/nowhere")

    def test_a_string_is_one_tag(self):
        lock = holdfast.SyncLock(self.client, "k", tags="abc")
        self.assertEqual(lock.tags, frozenset({"abc"}))
        self.assertEqual(holdfast.SyncLock(self.client, "k", tags=["a", "b"]).tags, {"a", "b"})
        self.assertEqual(holdfast.SyncLock(self.client, "k").tags, frozenset())

    def test_properties_are_read_only(self):
        for lock in (holdfast.SyncLock(self.client, ("a", 1)), holdfast.AsyncLock(None, ("a", 1))):
            self.assertEqual(lock.key, ("a", 1))
            for name in ("key", "timeout", "expire", "tags", "locked"):
                with self.assertRaises(AttributeError):
                    setattr(lock, name, "x")

    def test_locks_have_the_shape_of_the_protocols(self):
        self.assertIsInstance(holdfast.AsyncLock(self.client, "k"), holdfast.AsyncLockProtocol)
        # Looking at `locked`, as Python 3.11 does here, asks the server.
        for name in ("acquire", "release", "__enter__", "__exit__", "locked", "tags"):
            self.assertTrue(hasattr(holdfast.SyncLock, name), name)

    def test_arguments_out_of_their_limits(self):
        for wrong in (
            {"timeout": -1}, {"timeout": float("nan")}, {"expire": 0}, {"expire": 0.0001},
            {"expire": 367 * 86400}, {"tags": ""}, {"tags": "x" * 129}, {"renew": True},
            {"bound": True}, {"max_hold": 0}, {"tags": map(str, range(17))},
        ):
            with self.assertRaises(holdfast.LockInvalidError, msg=wrong):
                holdfast.SyncLock(self.client, "k", **wrong)
        for wrong in ({"timeout": "1"}, {"expire": "1"}, {"tags": [1]}, {"timeout": True}):
            with self.assertRaises(TypeError, msg=wrong):
                holdfast.SyncLock(self.client, "k", **wrong)
        with self.assertRaises(TypeError):
            holdfast.SyncLock("unix:/a/cache", "k")

    def test_addresses(self):
        for wrong in ("", "nowhere", "host:", "host:0", "host:70000", "::1:80", "unix:", "/a:1",
                      "unix:/" + "x" * 107):
            with self.assertRaises(holdfast.LockInvalidError, msg=wrong):
                holdfast.Client(wrong)
        holdfast.Client("[::1]:7650")

    def test_an_unreachable_server_is_one_clear_error(self):
        lock = holdfast.SyncLock(self.client, "k", timeout=0)
        with self.assertRaises(holdfast.LockUnavailableError) as raised:
            with lock:
                self.fail("nobody can hold this")
        self.assertEqual(
            str(raised.exception),
            'cannot acquire "k": cannot connect to unix:/nowhere: No such file or directory',
        )
        self.assertIsInstance(raised.exception, ConnectionError)
        self.assertIsNone(raised.exception.__context__)

    def test_errors_and_locks_can_be_pickled(self):
        error = holdfast.LockTimeoutError("held", reason="WAIT_TIMEOUT", details={"owner": "me"})
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(again), again.reason, again.owner), ("held", "WAIT_TIMEOUT", "me"))
        lock = holdfast.AsyncLock(self.client, "k", timeout=3, expire=5, tags="t", renew=True)
        lock = pickle.loads(pickle.dumps(lock))
        self.assertEqual((lock.key, lock.timeout, lock.expire, lock.tags), ("k", 3, 5, {"t"}))
        self.assertEqual(lock.client.address, "unix:/nowhere")


if __name__ == "__main__":
    unittest.main()
