"""The wheel: built offline, installed into a fresh environment, used there.

Its one dependency is the system's protobuf, which the environment is let see.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import venv
import zipfile

from server import Server

_PROGRAM = """
import sys, holdfast, asyncio
client = holdfast.Client(sys.argv[1])
with holdfast.SyncLock(client, "k", expire=30) as lease:
    print("sync", lease.fencing_token)
async def main():
    async with holdfast.AsyncLock(client, "k", expire=30) as lease:
        print("async", lease.fencing_token)
asyncio.run(main())
assert "grpc" not in sys.modules
assert "site-packages" in holdfast.__file__, holdfast.__file__
"""


class WheelTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_here(self, *command, **options):
        # Nothing of this test's own path, which has the package in it.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["PIP_NO_INDEX"] = "1"
        done = subprocess.run(
            command, env=environment, text=True, capture_output=True, check=False, **options
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def build(self):
        """As `pip wheel clients/python` in a checkout."""
        checkout = self.folder / "checkout"
        for part in ("clients/python", "protos"):
            shutil.copytree(part, checkout / part, symlinks=False)
        shutil.rmtree(checkout / "clients/python/holdfast/_stubs", ignore_errors=True)
        # What Bazel makes of the folders on the way.
        for empty in checkout.rglob("__init__.py"):
            if empty.parent.name != "holdfast":
                empty.unlink()
        self.run_here(
            "/usr/bin/python3", "-m", "pip", "wheel", "--no-deps", "--no-build-isolation",
            "--wheel-dir", str(self.folder), str(checkout / "clients/python"),
        )
        (wheel,) = self.folder.glob("*.whl")
        return wheel

    def test_it_is_built_and_installed_and_works(self):
        wheel = self.build()
        version = pathlib.Path("common/version.h").read_text().split('kVersion[] = "')[1]
        self.assertEqual(wheel.name, f"holdfast-{version.split(chr(34))[0]}-py3-none-any.whl")
        names = zipfile.ZipFile(wheel).namelist()
        tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
        self.assertEqual(tops, {"holdfast"})
        self.assertFalse([name for name in names if "test" in name], names)
        for expected in ("py.typed", "_stubs/lease_pb2.py", "_stubs/lease_pb2.pyi", "sync_lock.py"):
            self.assertIn(f"holdfast/{expected}", names)

        environment = self.folder / "venv"
        venv.create(environment, system_site_packages=True)
        python = str(environment / "bin/python3")
        pip = ("/usr/bin/python3", "-m", "pip", "--python", python)
        self.run_here(*pip, "install", "--no-compile", str(wheel))
        with Server() as server:
            told = self.run_here(python, "-c", _PROGRAM, server.address, cwd="/")
        self.assertEqual([line.split()[0] for line in told.splitlines()], ["sync", "async"])


if __name__ == "__main__":
    unittest.main()
