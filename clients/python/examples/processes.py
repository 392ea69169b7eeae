#!/usr/bin/python3
"""Processes of multiprocessing that count in a file which only a lock protects.

    processes.py ADDRESS FILE
"""

import multiprocessing
import pathlib
import sys

import holdfast


def count(lock, path):
    # The lock was handed over as an argument: here it holds nothing, and connects anew.
    for _ in range(10):
        with lock:
            path.write_text(str(int(path.read_text()) + 1))


def main(address, name):
    path = pathlib.Path(name)
    path.write_text("0")
    lock = holdfast.SyncLock(holdfast.Client(address), f"file/{path.name}", timeout=30, expire=10)
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        workers = [context.Process(target=count, args=(lock, path)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    print(path.read_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
