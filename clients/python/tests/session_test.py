"""Bound locks, which are held in a session, against a real server."""

import asyncio
import threading
import unittest

import holdfast
from server import Server, wait_for_queue, wait_until


class SessionTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = holdfast.Client(self.server.address)
        self.key = self.id().rpartition(".")[2]

    def lock(self, **options):
        return holdfast.SyncLock(
            self.client, self.key, **{"expire": 60, "bound": True, "timeout": 30, **options}
        )

    def test_a_forced_end_is_told_at_once(self):
        lock = self.lock()
        lease = lock.acquire()
        self.client.force_release(self.key)
        self.assertTrue(lease.lost.wait(20))
        self.assertFalse(lease.valid)
        # However late, when the server has forgotten the lease_id.
        self.client.get(self.key)
        with self.assertRaises(holdfast.LockLostError) as raised:
            lock.release()
        self.assertEqual(raised.exception.reason, "LEASE_FORCED")

    def test_it_does_what_any_lock_does(self):
        places = []
        with self.lock(owner="first") as lease:
            with self.assertRaisesRegex(holdfast.LockTimeoutError, "first"):
                self.lock(timeout=0.02, on_queued=places.append).acquire()
            self.assertEqual(places[0].holder.owner, "first")
            self.assertIsNone(self.lock().try_acquire())
            waiting = threading.Thread(target=lambda: self.lock().acquire())
            waiting.start()
            wait_for_queue(self.client, self.key, 1)
            self.assertTrue(lease.valid)
        waiting.join()
        self.assertTrue(self.client.get(self.key).locked)

    def test_a_renewed_lease_outlasts_its_expire(self):
        with self.lock(expire=0.6, renew=True) as lease:
            first = lease.deadline
            wait_until(lambda: lease.deadline > first + 0.7, "renewals")
            self.assertTrue(lease.valid)

    def test_it_outlives_its_server(self):
        lock = self.lock(renew=True)
        lease = lock.acquire()
        self.server.kill()
        self.server.start()
        lock.renew()
        self.assertTrue(lease.valid)
        # The session was opened anew, and lists the lease: so a forced end is told, long before
        # the next renewal.
        self.client.force_release(self.key)
        self.assertTrue(lease.lost.wait(10))
        with self.assertRaises(holdfast.LockLostError):
            lock.release()

    def test_a_closed_client_lets_go_of_it(self):
        other = holdfast.Client(self.server.address)
        lease = holdfast.SyncLock(other, self.key, expire=60, bound=True).acquire()
        other.close()
        self.assertTrue(lease.lost.is_set())
        self.assertTrue(self.lock().acquire().valid)

    async def test_tasks_share_the_session(self):
        lock = holdfast.AsyncLock(self.client, self.key, expire=60, bound=True, timeout=30)
        lease = await lock.acquire()
        waiting = asyncio.create_task(
            holdfast.AsyncLock(self.client, self.key, expire=60, bound=True).acquire()
        )
        await asyncio.to_thread(wait_for_queue, self.client, self.key, 1)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(wait_for_queue, self.client, self.key, 0)
        await asyncio.to_thread(self.client.force_release, self.key)
        await asyncio.wait_for(lease.wait_lost(), 20)
        with self.assertRaises(holdfast.LockLostError):
            await lock.release()


if __name__ == "__main__":
    unittest.main()
