#!/usr/bin/python3
"""Tasks of an event loop that take turns, and stop when their lock is lost.

    asyncio_tasks.py ADDRESS
"""

import asyncio
import sys

import holdfast


async def move(lock, name, journal):
    # One object, shared by the tasks: each waits for its own turn.
    async with lock as lease:
        journal.append((lease.fencing_token, name))
        await asyncio.sleep(0.01)  # The work.


async def main(address):
    client = holdfast.Client(address)
    # If the lease is lost in the midst of the work, its task is cancelled and LockLostError raised.
    lock = holdfast.AsyncLock(
        client, ("account", 42), timeout=10, expire=30, renew=True, cancel_on_lost=True
    )
    journal = []
    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(move(lock, name, journal))
    for token, name in sorted(journal):
        print(f"{name} moved with token {token}")
    try:
        await asyncio.wait_for(lock.acquire(), 5)  # Cancelled, it would leave nothing behind.
        print("held again:", await lock.locked)
    finally:
        await lock.release()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
