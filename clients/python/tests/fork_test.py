"""What a forked child has of its parent's locks: nothing, and a working client."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import unittest

import holdfast
from server import Server, wait_for_queue, wait_until


def in_child(work):
    """Runs it in a forked child, and returns what it returned or raised, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            try:
                told = repr(work())
            except BaseException as error:
                told = f"{type(error).__name__}: {error}"
            os.write(writer, told.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def take_turns(lock, times, folder):
    """Counts in a file that only the lock protects."""
    for _ in range(times):
        with lock:
            path = os.path.join(folder, "count")
            with open(path) as file:
                count = int(file.read())
            with open(path, "w") as file:
                file.write(str(count + 1))
    return os.getpid()


class ForkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.client = holdfast.Client(cls.server.address)

    def setUp(self):
        self.key = self.id().rpartition(".")[2]

    def lock(self, **options):
        return holdfast.SyncLock(self.client, self.key, **{"expire": 60, **options})

    def count(self):
        with open(os.path.join(self.server.folder, "count")) as file:
            return int(file.read())

    def start_counting(self):
        with open(os.path.join(self.server.folder, "count"), "w") as file:
            file.write("0")

    def test_a_lease_is_the_parents_alone(self):
        lock = self.lock(renew=True)
        with lock as lease:

            def look():
                try:
                    lock.release()
                except holdfast.LockNotHeldError:
                    return lease.valid, lease.lost.is_set(), lock.lease, lock.try_acquire()

            self.assertEqual(in_child(look), "(False, True, None, None)")
            self.assertTrue(lease.valid)
            self.assertTrue(lock.locked)
            lock.renew()

    def test_a_child_has_a_connection_and_an_owner_of_its_own(self):
        lock = self.lock()
        lock.acquire()
        lock.release()

        def work():
            with lock as lease:
                return self.client.get(self.key).holder.owner == lease.owner, os.getpid(), lease.owner

        told = in_child(work)
        self.assertTrue(told.startswith("(True, "), told)
        child = told.split(", ")[1]
        self.assertIn(f":{child}'", told)
        with lock as lease:
            self.assertTrue(lease.owner.endswith(f":{os.getpid()}"))

    def test_a_child_works_although_the_parents_threads_were_in_the_midst_of_calls(self):
        lock = self.lock(timeout=60)
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                with holdfast.SyncLock(self.client, self.key + "busy", timeout=60):
                    pass

        async def busy_loop():
            while not stop.is_set():
                async with holdfast.AsyncLock(self.client, self.key + "busy", timeout=60):
                    pass

        def wait():
            with lock:
                pass

        with lock:
            threads = [threading.Thread(target=target) for target in (
                busy, busy, wait, wait, lambda: asyncio.run(busy_loop()))]
            for thread in threads:
                thread.start()
            wait_for_queue(self.client, self.key, 2)

            def work():
                async def in_loop():
                    async with holdfast.AsyncLock(self.client, "child") as lease:
                        return lease.valid

                with holdfast.SyncLock(self.client, "child", expire=5, renew=True) as lease:
                    valid = lease.valid
                with holdfast.SyncLock(self.client, "child", expire=5, bound=True):
                    pass
                return valid, asyncio.run(in_loop())

            for _ in range(10):
                self.assertEqual(in_child(work), "(True, True)")
            stop.set()
        for thread in threads:
            thread.join()

    def test_multiprocessing_in_each_of_its_ways(self):
        self.start_counting()
        lock = self.lock(timeout=60)
        for way in ("fork", "spawn", "forkserver"):
            context = multiprocessing.get_context(way)
            workers = [
                context.Process(target=take_turns, args=(lock, 20, self.server.folder))
                for _ in range(2)
            ]
            for worker in workers:
                worker.start()
            take_turns(lock, 10, self.server.folder)
            for worker in workers:
                worker.join()
                self.assertEqual(worker.exitcode, 0, way)
        self.assertEqual(self.count(), 3 * 50)

    def test_workers_of_a_pool_as_celery_has_them(self):
        # The pool's processes are forked by a thread, after the client was used, and
        # exceptions come back to who asked.
        self.start_counting()
        lock = self.lock(timeout=60)
        lock.acquire()
        lock.release()
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            jobs = [pool.submit(take_turns, lock, 5, self.server.folder) for _ in range(6)]
            pids = {job.result() for job in jobs}
            self.assertNotIn(os.getpid(), pids)
            self.assertEqual(self.count(), 30)
            with lock:
                refused = pool.submit(self.lock(timeout=0).acquire)
                with self.assertRaises(holdfast.LockTimeoutError) as raised:
                    refused.result()
                self.assertTrue(raised.exception.owner.endswith(f":{os.getpid()}"))

    def test_a_pre_fork_server_as_gunicorn_is_one(self):
        # The master listens and has made the client; workers accept, take the lock, answer.
        # One of them is killed while it holds its lock, and the master starts another.
        lock = self.lock(timeout=30, expire=60, bound=True)
        with lock:
            pass  # While the master was loading the program.
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        path = os.path.join(self.server.folder, "web")
        listener.bind(path)
        listener.listen()

        def serve():
            while True:
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(1) == b"k":
                        lock.acquire()
                        connection.sendall(b"held %d" % os.getpid())
                        connection.recv(1)
                    with lock as lease:
                        connection.sendall(b"token %d" % lease.fencing_token)

        def start_worker():
            child = os.fork()
            if child == 0:
                try:
                    serve()
                finally:
                    os._exit(1)
            return child

        def ask(what):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            connection.sendall(what)
            return connection, connection.recv(100).split()

        workers = {start_worker() for _ in range(2)}
        try:
            tokens = []
            for _ in range(6):
                connection, (_, token) = ask(b"x")
                connection.close()
                tokens.append(int(token))
            self.assertEqual(tokens, sorted(set(tokens)))
            connection, (_, holder) = ask(b"k")
            os.kill(int(holder), 9)
            os.waitpid(int(holder), 0)
            workers.discard(int(holder))
            workers.add(start_worker())
            connection.close()
            # The lock is free long before its expire.
            connection, (word, _) = ask(b"x")
            connection.close()
            self.assertEqual(word, b"token")
        finally:
            for worker in workers:
                os.kill(worker, 9)
                os.waitpid(worker, 0)

    def test_a_bound_lock_is_free_when_its_process_is_killed_though_its_child_lives(self):
        program = (
            "import os, sys, time, holdfast\n"
            "client = holdfast.Client(sys.argv[1])\n"
            "holdfast.SyncLock(client, sys.argv[2], expire=60, bound=True).acquire()\n"
            "if os.fork() == 0:\n"
            "    print('child', flush=True)\n"
            "    sys.stdin.read()\n"
            "    os._exit(0)\n"
            "time.sleep(60)\n"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", program, self.server.address, self.key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.assertEqual(holder.stdout.readline(), b"child\n")
        holder.kill()
        holder.wait()
        lease = self.lock(timeout=20).acquire()
        self.assertTrue(lease.valid)
        holder.stdin.close()
        holder.stdout.close()


if __name__ == "__main__":
    unittest.main()
