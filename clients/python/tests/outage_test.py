"""What a program sees of a server that is killed, started anew, stopped or stuck."""

import asyncio
import os
import socket
import threading
import unittest

import holdfast
from server import Server, wait_for_queue, wait_until


class OutageTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = holdfast.Client(self.server.address, call_timeout=5)
        self.key = self.id().rpartition(".")[2]

    def lock(self, **options):
        return holdfast.SyncLock(self.client, self.key, **{"expire": 60, "timeout": 60, **options})

    def test_a_lease_and_a_wait_outlive_a_crash(self):
        lock = self.lock()
        lease = lock.acquire()
        got = []
        waiting = threading.Thread(target=lambda: got.append(self.lock().acquire()))
        waiting.start()

        async def wait():
            return await holdfast.AsyncLock(self.client, self.key, timeout=60).acquire()

        also_waiting = threading.Thread(target=lambda: got.append(asyncio.run(wait())))
        also_waiting.start()
        wait_for_queue(self.client, self.key, 2)
        self.server.kill()
        self.server.start()
        self.assertTrue(lease.valid)
        lock.renew()
        wait_for_queue(self.client, self.key, 2)
        lock.release()
        self.server.stop()
        self.server.start()
        wait_until(lambda: len(got) == 1, "a grant")
        self.assertGreater(got[0].fencing_token, lease.fencing_token)
        self.client.release(self.key, got[0].lease_id)
        waiting.join()
        also_waiting.join()
        self.assertEqual(len(got), 2)

    def test_a_server_that_is_gone_is_told_once_and_clearly(self):
        lock = self.lock(timeout=0)
        with lock:
            pass
        self.server.kill()
        for ask in (lambda: lock.acquire(), lambda: asyncio.run(
            holdfast.AsyncLock(self.client, self.key, timeout=0).acquire()
        )):
            with self.assertRaisesRegex(holdfast.LockUnavailableError, "cannot connect") as raised:
                ask()
            self.assertIsNone(raised.exception.__cause__)
        with self.assertRaises(holdfast.LockUnavailableError):
            holdfast.Client(self.server.address, call_timeout=0.1).get("k")
        impatient = holdfast.Client(self.server.address, connect_timeout=0.1)
        with self.assertRaises(holdfast.LockUnavailableError):
            holdfast.SyncLock(impatient, "k", timeout=None).acquire()

    def test_a_release_that_nobody_answers_is_tried_on(self):
        client = holdfast.Client(self.server.address, call_timeout=0.2)
        lock = holdfast.SyncLock(client, self.key, expire=60)
        with self.assertRaisesRegex(holdfast.LockUnavailableError, "goes on trying"):
            with lock:
                self.server.kill()
        self.server.start()
        self.assertTrue(self.lock().acquire().valid)

    def test_a_lease_that_cannot_be_renewed_is_uncertain_and_then_lost(self):
        lock = self.lock(expire=1.2, renew=True)
        lease = lock.acquire()
        self.server.suspend()
        seen = []
        while not lease.lost.wait(0.005):
            if lease.state not in seen:
                seen.append(lease.state)
        states = holdfast.LeaseState
        self.assertEqual(seen[:2], [states.HELD, states.UNCERTAIN])
        self.server.resume()
        # It stays lost, whatever the server thinks.
        self.assertFalse(lease.valid)
        with self.assertRaises(holdfast.LockLostError):
            lock.renew()

    def test_a_server_that_is_started_late_is_waited_for(self):
        self.server.kill()
        got = []
        waiting = threading.Thread(target=lambda: got.append(self.lock().acquire()))
        waiting.start()
        self.server.start()
        waiting.join()
        self.assertTrue(got[0].valid)

    def test_a_socket_that_is_not_ours_is_no_matter_of_waiting(self):
        os.chmod(self.server.folder, 0)
        self.addCleanup(os.chmod, self.server.folder, 0o700)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)  # Root may connect to everything.
                self.lock(timeout=None).acquire()
            except PermissionError as error:
                os.write(writer, f"{type(error).__name__}: {error}".encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as told:
            self.assertRegex(told.read(), "LockPermissionError: cannot acquire .*: cannot connect")
        os.waitpid(child, 0)

    def test_it_is_the_same_over_tcp(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.server.close()
        self.server = Server(f"--listen={address}")
        self.addCleanup(self.server.close)
        client = holdfast.Client(address)

        async def take():
            async with holdfast.AsyncLock(client, self.key, expire=60) as lease:
                return lease.fencing_token

        with holdfast.SyncLock(client, self.key, expire=60, bound=True) as lease:
            self.assertEqual(self.client_of_now().get(self.key).holder.owner, lease.owner)
        self.assertGreater(asyncio.run(take()), lease.fencing_token)

    def client_of_now(self):
        return holdfast.Client(self.server.address)


if __name__ == "__main__":
    unittest.main()
