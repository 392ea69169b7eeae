"""Runs every scenario with every driver as A, against every driver as B, and prints a table."""

import concurrent.futures
import contextlib
import shutil
import sys
import tempfile
import traceback
import unittest

import holdfast
from driver import Driver, Unsupported
from scenarios import SCENARIOS
from server import Server

DRIVERS = {name: f"tests/conformance/{name}_driver" for name in ("cpp", "python", "stubs")}


class Stage:
    """Where one scenario is played."""

    def __init__(self, names, key, server, drivers, scope):
        self._names = names
        self._scope = scope
        self.key = key
        self.server = server
        self.client = holdfast.Client(server.address)
        self.a, self.b = drivers

    def new_driver_like_a(self, address):
        driver = Driver(DRIVERS[self._names[0]], address)
        self._scope.callback(driver.close)
        return driver

    def stage_of_its_own(self, *flags):
        """A server, both drivers and a client."""
        server = self._scope.enter_context(Server(*flags))
        drivers = [Driver(DRIVERS[name], server.address) for name in self._names]
        for driver in drivers:
            self._scope.callback(driver.close)
        return server, *drivers, holdfast.Client(server.address, call_timeout=30)

    def new_folder(self):
        folder = tempfile.mkdtemp(prefix="hf", dir="/tmp")
        self._scope.callback(shutil.rmtree, folder)
        return folder


def play(names, number, server, drivers):
    """"passed", "-" (not supported), or why it failed."""
    key = f"{number}-{names[0]}-{names[1]}"
    with contextlib.ExitStack() as scope:
        try:
            SCENARIOS[number](Stage(names, key, server, drivers, scope))
            return "passed"
        except Unsupported:
            return "-"
        except Exception:
            return traceback.format_exc()


class ConformanceTest(unittest.TestCase):
    def play_all(self, server, pool):
        with contextlib.ExitStack() as scope:
            drivers = {}
            for name, program in DRIVERS.items():
                # Two each, to be A and B.
                drivers[name] = [Driver(program, server.address) for _ in "ab"]
                for driver in drivers[name]:
                    scope.callback(driver.close)
            jobs = {
                ((a, b), number): pool.submit(
                    play, (a, b), number, server, (drivers[a][0], drivers[b][1])
                )
                for number in sorted(SCENARIOS)
                for a in DRIVERS
                for b in DRIVERS
            }
            return {what: job.result() for what, job in jobs.items()}

    def test_all(self):
        with Server() as server, concurrent.futures.ThreadPoolExecutor(9) as pool:
            results = self.play_all(server, pool)
        pairs = sorted({names for names, _ in results})
        print("| | " + " | ".join(f"{a}, {b}" for a, b in pairs) + " |")
        print("| --- |" + " --- |" * len(pairs))
        for number in sorted(SCENARIOS):
            row = [results[names, number] for names in pairs]
            words = [word if word in ("passed", "-") else "FAILED" for word in row]
            print(f"| {number}. {SCENARIOS[number].__name__} | " + " | ".join(words) + " |")
        failed = {what: told for what, told in results.items() if told not in ("passed", "-")}
        for (names, number), told in failed.items():
            print(f"{number} with {names}:\n{told}")
        sys.stdout.flush()
        self.assertEqual(len(results), len(SCENARIOS) * len(DRIVERS) ** 2)
        self.assertFalse(failed)
        # What is not supported is known.
        missing = {(names[0], number) for (names, number), told in results.items() if told == "-"}
        self.assertEqual(missing, {("stubs", 12), ("stubs", 15)})


if __name__ == "__main__":
    unittest.main()
