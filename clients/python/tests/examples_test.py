"""The examples, run as their readers would."""

import os
import subprocess
import unittest
import urllib.error
import urllib.request

import holdfast
from server import Server


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.client = holdfast.Client(cls.server.address)

    def start(self, name, *arguments):
        program = subprocess.Popen(
            [f"clients/python/examples/{name}", self.server.address, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.kill)
        return program

    def run_whole(self, name, *arguments):
        program = self.start(name, *arguments)
        told, _ = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 0, told)
        return told.splitlines()

    def test_the_cron_job_runs_once_at_a_time(self):
        first = self.start("cron_job")
        self.assertRegex(first.stdout.readline(), "collect with token")
        (told,) = self.run_whole("cron_job")
        self.assertRegex(told, f"not now: cron_job.py@.*:{first.pid} is at it")
        first.communicate("\n\n\n", timeout=60)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(len(self.run_whole("cron_job")), 3)

    def test_tasks_take_turns(self):
        told = self.run_whole("asyncio_tasks")
        self.assertEqual([line.split()[0] for line in told], ["a", "b", "c", "held"])
        self.assertEqual(told[-1], "held again: True")

    def test_processes_take_turns(self):
        path = os.path.join(self.server.folder, "count")
        self.assertEqual(self.run_whole("processes", path), ["60"])

    def test_workers_take_turns(self):
        program = self.start("web_worker", "2")
        port = int(program.stdout.readline())
        pids = set()
        for i in range(10):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/account/{i % 2}") as answer:
                pids.add(answer.read().split()[-1])
        with holdfast.SyncLock(self.client, "/account/0", owner="an administrator", expire=60):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/account/0")
            self.assertEqual(raised.exception.code, 409)
            self.assertIn(b"an administrator", raised.exception.read())
            raised.exception.close()
        program.communicate("", timeout=60)
        self.assertEqual(program.returncode, 0)


if __name__ == "__main__":
    unittest.main()
