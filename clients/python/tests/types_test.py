"""mypy --strict, of the package and of a program that uses it."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

_PROGRAM = """
import holdfast
from typing import Optional

client = holdfast.Client("unix:/run/holdfast/holdfast.sock")
lock: holdfast.SyncLockProtocol = holdfast.SyncLock(client, ("a", 1), timeout=5, tags="t")
also: holdfast.AsyncLockProtocol = holdfast.AsyncRLock(client, "k", expire=5, renew=True)


def work(lock: holdfast.SyncLock) -> Optional[int]:
    with lock as lease:
        token: int = lease.fencing_token
        lost: bool = lease.lost.is_set()
    return token if not lost else None


async def later(lock: holdfast.AsyncLock) -> bool:
    async with lock as lease:
        await lease.wait_lost()
    return await lock.locked
"""


class TypesTest(unittest.TestCase):
    def check(self, *arguments):
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "mypy", "--config-file", "mypy.ini", *arguments],
            cwd=self.folder, text=True, capture_output=True, check=False,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
        )
        return done.returncode, done.stdout + done.stderr

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree("clients/python/holdfast", self.folder / "holdfast")
        shutil.copy("clients/python/mypy.ini", self.folder)

    def test_the_package_and_its_users_are_typed(self):
        (self.folder / "program.py").write_text(_PROGRAM)
        code, told = self.check("holdfast", "program.py")
        self.assertEqual(code, 0, told)
        (self.folder / "wrong.py").write_text(_PROGRAM + "\nholdfast.SyncLock(client, 1).key = 2\n")
        code, told = self.check("wrong.py")
        self.assertEqual(code, 1, told)
        self.assertIn('Property "key"', told)


if __name__ == "__main__":
    unittest.main()
