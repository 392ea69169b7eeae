"""Puts a load on python3-diskcache's Lock: takes the flags of the load program, and
prints what it prints, for `pairs`, `hand-over` and `ready`.

Each caller is a process with a cache of its own on the same folder.
"""

import argparse
import json
import multiprocessing
import os
import time

import diskcache

_PAUSE = 0.003


def _pairs(address, number, begin, end, results):
    """Acquires and releases a free key; sends the latencies of those in the window."""
    cache = diskcache.Cache(address)
    key = f"orders/{os.getpid():06x}{number:07d}"
    taken = []
    cpu = None
    while (started := time.monotonic()) < end:
        if cpu is None and started >= begin:
            cpu = time.process_time()
        lock = diskcache.Lock(cache, key, expire=30)
        lock.acquire()
        lock.release()
        done = time.monotonic()
        if begin <= done < end:
            taken.append((done - started) * 1e6)
    results.put((taken, time.process_time() - (cpu or 0)))


def _quantile(ordered, share):
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _describe(taken):
    taken.sort()
    names = {"p10_us": 0.1, "p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999}
    return {name: _quantile(taken, share) for name, share in names.items()}


def measure_pairs(options):
    begin = time.monotonic() + options.warm_up + 0.1
    results = multiprocessing.Queue()
    callers = [
        multiprocessing.Process(
            target=_pairs,
            args=(options.address, number, begin, begin + options.seconds, results),
            daemon=True,
        )
        for number in range(options.outstanding)
    ]
    for caller in callers:
        caller.start()
    found = [results.get() for _ in callers]
    taken = [one for latencies, _ in found for one in latencies]
    cpu = sum(cpu for _, cpu in found)
    return {
        "rate": len(taken) / options.seconds,
        **_describe(taken),
        "client_cpu_us": cpu * 1e6 / len(taken),
    }


def _wait_in_line(address, key, turns):
    """Holds and hands on for as long as it lives; sends when it was granted and when it
    released. Monotonic clocks agree between processes."""
    lock = diskcache.Lock(diskcache.Cache(address), key, expire=3600)
    while True:
        lock.acquire()
        granted = time.monotonic()
        time.sleep(_PAUSE)
        released = time.monotonic()
        lock.release()
        turns.put((granted, released))


def measure_hand_over(options):
    turns = multiprocessing.Queue()
    key = f"orders/{os.getpid()}"
    waiters = [
        multiprocessing.Process(
            target=_wait_in_line, args=(options.address, key, turns), daemon=True
        )
        for _ in range(options.waiters + 1)
    ]
    for waiter in waiters:
        waiter.start()
    end = time.monotonic() + options.seconds + 0.3
    seen = []
    while time.monotonic() < end:
        seen.append(turns.get())
    for waiter in waiters:
        waiter.kill()
    seen.sort()
    taken = [(then[0] - one[1]) * 1e6 for one, then in zip(seen, seen[1:])]
    return {**_describe(taken), "hand_overs": len(taken)}


def measure_ready(options):
    lock = diskcache.Lock(diskcache.Cache(options.address), "orders/ready", expire=30)
    lock.acquire()
    lock.release()
    return {"at_s": time.monotonic()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", required=True, choices=("pairs", "hand-over", "ready"))
    parser.add_argument("--address", required=True)
    parser.add_argument("--outstanding", type=int, default=1)
    parser.add_argument("--waiters", type=int, default=1)
    parser.add_argument("--warm-up", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=1)
    options, _ = parser.parse_known_args()
    measures = {"pairs": measure_pairs, "hand-over": measure_hand_over, "ready": measure_ready}
    print(json.dumps(measures[options.measure](options)))


if __name__ == "__main__":
    main()
