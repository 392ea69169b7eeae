#!/usr/bin/python3
"""The driver of the Python package: see scenarios.md. Its acquires are tasks of one loop."""

import asyncio
import sys

import holdfast


def reason_of(error):
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED"
    names = {
        holdfast.LockInvalidError: "INVALID_ARGUMENT",
        holdfast.LockUnavailableError: "UNAVAILABLE",
        holdfast.LockNotHeldError: "FAILED_PRECONDITION",
    }
    return getattr(error, "reason", "") or names.get(type(error), type(error).__name__)


class Driver:
    def __init__(self, address):
        self.client = holdfast.Client(address)
        self.objects = {}
        self.acquires = {}

    def say(self, number, *words):
        print(number, *words, flush=True)

    def lock(self, number, options):
        name = options.pop("object", None)
        if name in self.objects:
            return self.objects[name]
        made = holdfast.AsyncLock(
            self.client,
            options["key"],
            timeout=float(options["timeout"]) if "timeout" in options else None,
            expire=float(options["expire"]) if "expire" in options else None,
            tags=options["tags"].split(",") if "tags" in options else None,
            owner=options.get("owner"),
            renew="renew" in options,
            bound="bound" in options,
            on_queued=lambda p: self.say(
                number, "queued", p.position, p.holder.owner if p.holder else ""
            ),
        )
        if name is not None:
            self.objects[name] = made
        return made

    async def acquire(self, number, options):
        lock = self.lock(number, options)
        lease = await lock.acquire()
        self.acquires[number] = lock, lease
        self.say(number, "granted", lease.fencing_token)

    async def obey(self, number, verb, options):
        try:
            if verb == "acquire":
                await self.acquire(number, options)
                return
            if verb == "locked":
                lock = holdfast.AsyncLock(self.client, options["key"])
                self.say(number, "yes" if await lock.locked else "no")
                return
            of = options["of"]
            if verb == "cancel":
                self.tasks[of].cancel()
                self.say(number, "ok")
                return
            lock, lease = self.acquires[of]
            if verb == "state":
                self.say(number, "valid" if lease.valid else "invalid")
            elif verb == "lost":
                await lease.wait_lost()
                self.say(number, "lost")
            else:
                await getattr(lock, verb)()
                self.say(number, "ok")
        except (holdfast.LockError, asyncio.CancelledError) as error:
            self.say(number, "failed", reason_of(error))

    async def run(self):
        self.tasks = {}
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            number, verb, *words = line.split()
            options = dict(word.split("=", 1) for word in words)
            self.tasks[number] = asyncio.create_task(self.obey(number, verb, options))


if __name__ == "__main__":
    asyncio.run(Driver(sys.argv[1]).run())
