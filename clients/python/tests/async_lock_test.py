"""AsyncLock and AsyncRLock against a real server."""

import asyncio
import os
import threading
import unittest

import holdfast
from server import Server, wait_for_queue


class AsyncLockTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.client = holdfast.Client(cls.server.address)

    def setUp(self):
        self.key = self.id().rpartition(".")[2]

    def lock(self, **options):
        return holdfast.AsyncLock(self.client, self.key, **{"expire": 60, **options})

    async def queued(self, length):
        await asyncio.to_thread(wait_for_queue, self.client, self.key, length)

    async def test_it_is_taken_and_given_back(self):
        lock = self.lock()
        self.assertFalse(await lock.locked)
        async with lock as lease:
            self.assertTrue(lease.valid)
            self.assertTrue(lock.locked)
            self.assertTrue(await lock.locked)
            self.assertIs(lock.lease, lease)
        self.assertFalse(lock.locked)

    async def test_tasks_share_one_object(self):
        lock = self.lock()
        order = []

        async def work(i):
            async with lock:
                order.append(i)

        async with lock:
            tasks = []
            for i in range(4):
                tasks.append(asyncio.create_task(work(i)))
                await self.queued(i + 1)
        await asyncio.gather(*tasks)
        self.assertEqual(order, [0, 1, 2, 3])

    def test_the_recipes_test_one_object_and_loops_in_threads(self):
        lock = self.lock(timeout=30)
        inside = []
        trouble = []

        async def work():
            for _ in range(10):
                async with lock:
                    inside.append(1)
                    await asyncio.sleep(0)
                    trouble.append(len(inside) != 1)
                    inside.pop()

        threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(trouble, [False] * 30)

    async def test_a_timeout_says_who_holds_it(self):
        async with self.lock(owner="somebody"):
            for timeout in (0, 0.02):
                with self.assertRaisesRegex(asyncio.TimeoutError, "somebody"):
                    await self.lock().acquire(timeout)
            self.assertIsNone(await self.lock().try_acquire())

    async def test_a_cancelled_acquire_leaves_nothing(self):
        async with self.lock():
            waiting = asyncio.create_task(self.lock(timeout=None).acquire())
            await self.queued(1)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            await self.queued(0)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.lock().acquire(), 0.05)
            await self.queued(0)

    async def test_cancelled_at_any_moment_it_leaves_nothing(self):
        for moment in range(25):
            lock = self.lock()
            waiting = asyncio.create_task(lock.acquire())
            for _ in range(moment):
                await asyncio.sleep(0)
            waiting.cancel()
            try:
                await waiting
                await lock.release()
            except asyncio.CancelledError:
                pass
        self.client._core.background.drain(20)
        lock = self.client.get(self.key)
        self.assertEqual((lock.holder, lock.queue_length), (None, 0))

    async def test_two_tasks_exclude_one_another_in_a_re_entrant_lock(self):
        lock = holdfast.AsyncRLock(self.client, self.key, expire=60)
        async with lock as outer:
            async with lock as inner:
                self.assertIs(outer, inner)
            other = asyncio.create_task(lock.try_acquire())
            self.assertIsNone(await other)
            with self.assertRaises(holdfast.LockNotHeldError):
                await asyncio.create_task(lock.release())
        self.assertFalse(await lock.locked)

    async def test_a_task_does_not_wait_for_itself(self):
        lock = self.lock()
        async with lock:
            with self.assertRaises(holdfast.LockAlreadyHeldError):
                await lock.acquire()

    async def test_the_body_is_cancelled_when_the_lease_is_lost(self):
        lock = self.lock(expire=0.3, cancel_on_lost=True)
        with self.assertRaisesRegex(holdfast.LockLostError, "deadline"):
            async with lock:
                await asyncio.sleep(60)
        self.assertIsNone(lock.lease)
        self.assertEqual(asyncio.current_task().cancelling(), 0)
        # Whoever cancels the task from outside is not mistaken for a loss.
        held = asyncio.Event()
        body = asyncio.create_task(self.hold(self.lock(cancel_on_lost=True), held))
        await held.wait()
        body.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await body
        self.assertFalse(await lock.locked)

    async def hold(self, lock, held):
        async with lock:
            held.set()
            await asyncio.sleep(60)

    async def test_a_loss_can_be_awaited(self):
        lock = self.lock(expire=0.6, renew=True)
        lease = await lock.acquire()
        await asyncio.to_thread(self.client.force_release, self.key)
        await asyncio.wait_for(lease.wait_lost(), 20)
        self.assertTrue(lease.lost.is_set())
        with self.assertRaises(holdfast.LockLostError):
            await lock.release()

    async def test_the_bodys_exception_is_not_hidden(self):
        with self.assertRaises(ZeroDivisionError) as raised:
            async with self.lock():
                self.client.force_release(self.key)
                1 / 0
        self.assertIn("lost", raised.exception.__notes__[0])

    async def test_places_in_the_queue_are_told(self):
        places = asyncio.Queue()
        async with self.lock(owner="first"):
            waiting = asyncio.create_task(self.lock(on_queued=places.put_nowait).acquire())
            self.assertEqual((await places.get()).holder.owner, "first")
        self.assertTrue((await waiting).valid)

    def test_loops_that_have_ended_leave_no_connections(self):
        async def pair():
            async with self.lock():
                pass

        def connections():
            return len(os.listdir("/proc/self/fd"))

        asyncio.run(pair())
        before = connections()
        for _ in range(10):
            asyncio.run(pair())
        self.assertLessEqual(connections(), before + 2)

    async def test_many_wait_over_few_connections(self):
        async with self.lock():
            waiting = [asyncio.create_task(self.pair(i)) for i in range(250)]
            await self.queued(250)
            wires = self.client._core.asynchronous._wires[asyncio.get_running_loop()]
            self.assertLessEqual(len(wires), 4)
        self.assertEqual(len(await asyncio.gather(*waiting)), 250)

    async def pair(self, i):
        lock = self.lock(timeout=60)
        lease = await lock.acquire()
        await lock.release()
        return lease.fencing_token


if __name__ == "__main__":
    unittest.main()
