"""Looking at locks and administering them, against a real server."""

import os
import subprocess
import sys
import unittest

import holdfast
from holdfast import EventKind
from server import Server


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = holdfast.Client(self.server.address, owner="me")

    def take(self, key, **options):
        lock = holdfast.SyncLock(self.client, key, **{"expire": 60, **options})
        return lock, lock.acquire()

    def test_a_lock_is_described(self):
        info = self.client.get("k")
        self.assertEqual((info.key, info.locked, info.queue_length), ("k", False, 0))
        _, lease = self.take(("k", 1), tags="t")
        info = self.client.get(("k", 1))
        self.assertEqual(info.key, holdfast.encode_key(("k", 1)))
        self.assertEqual(info.holder.fencing_token, lease.fencing_token)
        self.assertEqual((info.holder.owner, info.holder.tags), ("me", {"t"}))
        self.assertTrue(50 < info.holder.remaining <= 60)

    def test_locks_are_listed_page_by_page(self):
        for i in range(3):
            self.take(f"a/{i}", tags="t" if i else None)
        self.take("b", expire=None)
        self.assertEqual([lock.key for lock in self.client.list()], ["a/0", "a/1", "a/2", "b"])
        self.assertEqual([lock.key for lock in self.client.list("a/", "t")], ["a/1", "a/2"])
        self.assertEqual([lock.holder.expire for lock in self.client.list("b")], [None])

    def test_a_watch_begins_with_what_is_held(self):
        self.take("a/old")
        with self.client.watch("a/") as watch:
            kinds = [next(watch), next(watch)]
            self.assertEqual([e.kind for e in kinds], [EventKind.HELD, EventKind.SNAPSHOT_END])
            self.assertEqual(kinds[0].key, "a/old")
            lock, lease = self.take("a/new")
            self.take("other")
            lock.release()
            events = [next(watch), next(watch)]
            self.assertEqual(
                [(e.kind, e.key, e.fencing_token) for e in events],
                [(EventKind.GRANTED, "a/new", lease.fencing_token),
                 (EventKind.RELEASED, "a/new", lease.fencing_token)],
            )
            self.server.kill()
            with self.assertRaisesRegex(holdfast.LockUnavailableError, "the watch has ended"):
                next(watch)

    def test_leases_are_ended_by_force(self):
        _, lease = self.take("k")
        with self.assertRaises(holdfast.LockError) as raised:
            self.client.force_release("k", lease.fencing_token + 1)
        self.assertEqual(raised.exception.reason, "LOCK_NOT_HELD")
        former = self.client.force_release("k", lease.fencing_token)
        self.assertEqual(former.fencing_token, lease.fencing_token)
        self.assertFalse(self.client.get("k").locked)

    def test_leases_are_ended_by_tag(self):
        for i in range(3):
            self.take(f"k{i}", tags={"nightly", str(i)})
        planned = self.client.release_by_tag("nightly", dry_run=True)
        self.assertEqual([lock.key for lock in planned.locks], ["k0", "k1", "k2"])
        self.take("later", tags="nightly")
        done = self.client.release_by_tag(
            ["nightly"], max_fencing_token=planned.max_fencing_token
        )
        self.assertEqual(len(done.locks), 3)
        self.assertEqual([lock.key for lock in self.client.list()], ["later"])

    def test_a_lease_can_be_released_by_its_id(self):
        _, lease = self.take("k")
        self.client.release("k", lease.lease_id)
        self.assertFalse(self.client.get("k").locked)

    def test_the_server_refuses_what_is_too_much(self):
        self.server.close()
        self.server = Server("--max-leases=1")
        self.addCleanup(self.server.close)
        self.client = holdfast.Client(self.server.address)
        self.take("k")
        with self.assertRaises(holdfast.LockLimitError) as raised:
            self.take("other")
        self.assertEqual(raised.exception.details["limit"], "max_leases")

    def test_the_address_comes_from_the_environment_and_exit_waits_for_releases(self):
        program = (
            "import holdfast\n"
            "lock = holdfast.SyncLock(None, 'k', expire=60)\n"
            "lease = lock.acquire()\n"
            "holdfast.Client().get('k')\n"
            "core = lock.client._core\n"
            "core._release_later(lock._spec, lease.lease_id, 30)\n"
        )
        subprocess.run(
            [sys.executable, "-W", "error", "-c", program], check=True,
            env={**os.environ, "HOLDFAST_ADDRESS": self.server.address,
                 "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.assertFalse(self.client.get("k").locked)

    def test_other_peoples_stubs_are_left_alone(self):
        # The plain stubs of examples/ and of google.rpc register messages of the same files.
        program = (
            "import holdfast, sys\n"
            "from google.rpc import status_pb2\n"
            "from holdfast.v1 import lock_service_pb2, session_pb2\n"
            "assert lock_service_pb2.AcquireRequest(key='k').key == 'k'\n"
            "holdfast.Client(sys.argv[1]).get('k')\n"
        )
        stubs = os.path.abspath("clients/python")
        subprocess.run(
            [sys.executable, "-c", program, self.server.address], check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, stubs])},
        )


if __name__ == "__main__":
    unittest.main()
