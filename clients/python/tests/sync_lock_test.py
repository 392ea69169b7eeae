"""SyncLock and SyncRLock against a real server."""

import os
import signal
import subprocess
import sys
import threading
import unittest

import holdfast
from server import Server, wait_for_queue, wait_until


class SyncLockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.client = holdfast.Client(cls.server.address)

    def setUp(self):
        self.key = self.id().rpartition(".")[2]

    def lock(self, **options):
        return holdfast.SyncLock(self.client, self.key, **{"expire": 60, **options})

    def in_thread(self, work):
        """Runs it, and returns the thread and the list that its result will be in."""
        results = []

        def run():
            try:
                results.append(work())
            except BaseException as error:
                results.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return thread, results

    def test_the_recipes_test_one_object_and_two_threads(self):
        lock = self.lock()
        events = []

        def worker():
            with lock:
                events.append("worker")

        with lock:
            self.assertTrue(lock.locked)
            thread, results = self.in_thread(worker)
            wait_for_queue(self.client, self.key, 1)
            events.append("main")
        thread.join()
        self.assertEqual((events, results), (["main", "worker"], [None]))
        self.assertFalse(lock.locked)

    def test_a_lease_says_what_it_is(self):
        lock = self.lock(tags=["a", "b"], owner="me")
        with lock as lease:
            self.assertTrue(lease.valid)
            self.assertIs(lease.state, holdfast.LeaseState.HELD)
            self.assertEqual((lease.key, lease.owner, lease.expire), (self.key, "me", 60))
            self.assertTrue(50 < lease.remaining < 60)
            self.assertIs(lock.lease, lease)
            holder = self.client.get(self.key).holder
            self.assertEqual((holder.owner, holder.tags), ("me", {"a", "b"}))
            self.assertEqual(holder.fencing_token, lease.fencing_token)
        self.assertIs(lease.state, holdfast.LeaseState.RELEASED)
        self.assertIsNone(lock.lease)
        self.assertFalse(lease.lost.is_set())
        with lock as second:
            self.assertGreater(second.fencing_token, lease.fencing_token)

    def test_a_timeout_says_who_holds_it(self):
        with self.lock(owner="somebody"):
            for timeout in (0, 0.02):
                with self.assertRaises(TimeoutError) as raised:
                    self.lock().acquire(timeout=timeout)
                error = raised.exception
                self.assertIsInstance(error, holdfast.LockTimeoutError)
                self.assertEqual(error.owner, "somebody")
                self.assertIn("somebody", str(error))
                self.assertIsNone(error.__context__)
        self.assertEqual(self.client.get(self.key).queue_length, 0)

    def test_a_timeout_of_zero_tries_once(self):
        lock = self.lock(timeout=0)
        with lock:
            self.assertIsNone(self.lock().try_acquire())
        lease = lock.try_acquire()
        self.assertTrue(lease.valid)
        lock.release()

    def test_who_has_nothing_releases_nothing(self):
        with self.lock():
            with self.assertRaisesRegex(holdfast.LockNotHeldError, self.key):
                self.lock().release()
            self.assertTrue(self.lock().locked)

    def test_a_thread_does_not_wait_for_itself(self):
        lock = self.lock()
        with lock:
            with self.assertRaisesRegex(holdfast.LockAlreadyHeldError, "already"):
                lock.acquire()

    def test_one_thread_may_release_what_another_took(self):
        lock = self.lock()
        lock.acquire()
        thread, results = self.in_thread(lock.release)
        thread.join()
        self.assertEqual(results, [None])
        self.assertFalse(lock.locked)

    def test_a_lost_lease_is_told_and_its_successor_is_left_alone(self):
        lock = self.lock()
        first = lock.acquire()
        self.client.force_release(self.key, first.fencing_token)
        # The same object: the recipe's release would free the successor's lock.
        thread, results = self.in_thread(lock.acquire)
        thread.join()
        second = results[0]
        self.assertTrue(first.lost.wait(20))
        with self.assertRaises(holdfast.LockLostError) as raised:
            lock.release()
        self.assertEqual(raised.exception.reason, "LEASE_FORCED")
        self.assertTrue(second.valid)
        self.assertEqual(self.client.get(self.key).holder.fencing_token, second.fencing_token)
        lock.release()

    def test_the_bodys_exception_is_not_hidden(self):
        lock = self.lock()
        with self.assertRaisesRegex(ZeroDivisionError, "division") as raised:
            with lock:
                self.client.force_release(self.key)
                1 / 0
        self.assertIn("lost", raised.exception.__notes__[0])
        with self.assertRaises(holdfast.LockLostError):
            with lock:
                self.client.force_release(self.key)
        self.assertIsNone(lock.lease)

    def test_a_lease_lapses_and_is_lost_a_little_earlier(self):
        lock = self.lock(expire=0.3)
        lease = lock.acquire()
        told = []
        lease.on_lost(lambda: told.append(self.client.get(self.key).locked))
        self.assertTrue(lease.lost.wait(20))
        wait_until(lambda: told, "the callback")
        self.assertEqual(told, [True])
        self.assertFalse(lease.valid)
        with self.assertRaisesRegex(holdfast.LockLostError, "deadline"):
            lease.check()
        self.lock().acquire()  # The server lets it go.
        with self.assertRaises(holdfast.LockLostError):
            lock.release()

    def test_a_renewed_lease_outlasts_its_expire(self):
        lock = self.lock(expire=0.6, renew=True)
        with lock as lease:
            first = lease.deadline
            wait_until(lambda: lease.deadline > first + 0.7, "renewals")
            self.assertTrue(lease.valid)
        by_hand = self.lock(expire=5)
        with by_hand as lease:
            before = lease.deadline
            by_hand.renew()
            self.assertGreater(lease.deadline, before)

    def test_a_renewed_lease_that_was_ended_is_lost(self):
        with self.assertRaises(holdfast.LockLostError):
            with self.lock(expire=0.6, renew=True) as lease:
                self.client.force_release(self.key)
                self.assertTrue(lease.lost.wait(20))

    def test_max_hold_ends_it_in_spite_of_renewals(self):
        lease = self.lock(expire=30, renew=True, max_hold=0.4).acquire()
        self.assertLess(lease.remaining, 0.4)
        self.assertTrue(lease.lost.wait(20))
        self.assertFalse(lease.valid)
        self.lock().acquire()  # The server lets it go.

    def test_places_in_the_queue_are_told(self):
        places = []
        with self.lock(owner="first"):
            thread, results = self.in_thread(self.lock(on_queued=places.append).acquire)
            wait_until(lambda: places, "a place")
            self.assertEqual(places[0].position, 1)
            self.assertEqual(places[0].holder.owner, "first")
        thread.join()
        self.assertIsInstance(results[0], holdfast.Lease)

    def test_waiters_come_in_their_order(self):
        order = []
        threads = []
        lock = self.lock(timeout=None)

        def work(i):
            with lock:
                order.append(i)

        with lock:
            for i in range(5):
                threads.append(self.in_thread(lambda i=i: work(i))[0])
                wait_for_queue(self.client, self.key, i + 1)
        for thread in threads:
            thread.join()
        self.assertEqual(order, list(range(5)))

    def test_a_re_entrant_lock_knows_its_thread(self):
        lock = holdfast.SyncRLock(self.client, self.key, expire=60)
        with lock as outer:
            with lock as inner:
                self.assertIs(outer, inner)
            self.assertTrue(lock.locked)
            thread, results = self.in_thread(lambda: (lock.try_acquire(), lock.locked))
            thread.join()
            self.assertEqual(results, [(None, True)])
            thread, results = self.in_thread(lock.release)
            thread.join()
            self.assertIsInstance(results[0], holdfast.LockNotHeldError)
        self.assertFalse(lock.locked)
        lock.acquire()
        self.client.force_release(self.key)
        lock.lease._lose("forced", "LEASE_FORCED")
        with self.assertRaises(holdfast.LockLostError):
            lock.acquire()

    def test_ctrl_c_ends_a_wait_at_once_and_leaves_nothing(self):
        program = (
            "import sys, time, holdfast\n"
            "lock = holdfast.SyncLock(holdfast.Client(sys.argv[1]), sys.argv[2], timeout=None)\n"
            "try:\n"
            "    lock.acquire()\n"
            "except KeyboardInterrupt:\n"
            "    print(time.monotonic(), flush=True)\n"
        )
        import time

        with self.lock():
            child = subprocess.Popen(
                [sys.executable, "-c", program, self.server.address, self.key],
                stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            wait_for_queue(self.client, self.key, 1)
            sent = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=20)
            self.assertLess(float(out) - sent, 5)
            # Its place is given up, not only parked.
            self.assertEqual(self.client.get(self.key).queue_length, 0)


if __name__ == "__main__":
    unittest.main()
