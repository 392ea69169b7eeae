"""Puts a load on a lock of a Python package, and prints what it has found as JSON.

    python_load --service=python-NAME --measure=ready|python --address= --callers=

With one caller it takes a free lock again and again. Several are processes that contend for
one lock and hold it for a moment; then one of them holds it, and the others only wait.
"""

import argparse
import json
import multiprocessing
import os
import signal
import time

import python_services

# How long a lock that others wait for is held.
_PAUSE = 0.002


def _describe(taken):
    taken.sort()
    return {
        name: taken[min(len(taken) - 1, int(share * len(taken)))]
        for name, share in (("p10_us", 0.1), ("p50_us", 0.5), ("p99_us", 0.99))
    }


def measure_alone(options):
    lock = python_services.connect(options.service, options.address)(f"orders/{os.getpid()}")
    begin = time.monotonic() + options.warm_up
    end = begin + options.seconds
    taken = []
    cpu = None
    while (started := time.monotonic()) < end:
        if cpu is None and started >= begin:
            cpu = time.process_time()
        lock.acquire()
        lock.release()
        if started >= begin:
            taken.append((time.monotonic() - started) * 1e6)
    cpu = time.process_time() - cpu
    return {
        "rate": len(taken) / options.seconds,
        **_describe(taken),
        "client_cpu_us": cpu * 1e6 / len(taken),
    }


def _contend(options, key, ready, results):
    lock = python_services.connect(options.service, options.address)(key)
    ready.wait()
    begin = time.monotonic() + options.warm_up
    end = begin + options.seconds
    turns = []
    cpu = None
    while (now := time.monotonic()) < end:
        if cpu is None and now >= begin:
            cpu = time.process_time()
        lock.acquire()
        granted = time.monotonic()
        time.sleep(_PAUSE)
        released = time.monotonic()
        lock.release()
        if begin <= granted < end:
            turns.append((granted, released))
    # Whoever was let in only once may have waited from before the beginning.
    results.put((turns, time.process_time() - cpu if cpu is not None else 0.0))


def _only_wait(options, key, ready, results):
    lock = python_services.connect(options.service, options.address)(key)
    seen = []
    # Looked at from beside, for its own thread waits.
    signal.signal(signal.SIGALRM, lambda *_: seen.append(time.process_time()))
    ready.wait()
    signal.setitimer(signal.ITIMER_REAL, options.warm_up, options.seconds)
    lock.acquire()
    signal.setitimer(signal.ITIMER_REAL, 0)
    lock.release()
    results.put(seen[1] - seen[0])


def _start(target, options, count):
    """Returns the processes, once all have connected, and the queue of their results."""
    results = multiprocessing.Queue()
    ready = multiprocessing.Barrier(count + 1)
    key = f"orders-{os.getpid()}-{target.__name__}"
    callers = [
        multiprocessing.Process(target=target, args=(options, key, ready, results), daemon=True)
        for _ in range(count)
    ]
    for caller in callers:
        caller.start()
    return key, ready, callers, results


def _finish(callers, results):
    found = [results.get(timeout=120) for _ in callers]
    for caller in callers:
        caller.join()
    return found


def measure_contended(options):
    _, ready, callers, results = _start(_contend, options, options.callers)
    ready.wait(120)
    found = _finish(callers, results)
    turns = sorted(turn for each, _ in found for turn in each)
    grants = [len(each) for each, _ in found]
    handed = [(then[0] - one[1]) * 1e6 for one, then in zip(turns, turns[1:])]
    return {
        "rate": len(turns) / options.seconds,
        **_describe(handed),
        "client_cpu_us": sum(cpu for _, cpu in found) * 1e6 / len(turns),
        # How far the luckiest and the unluckiest are apart, of what each should have had; but
        # for the one grant more that those have whose turn comes first in the window.
        "spread_percent": max(0, max(grants) - min(grants) - 1) * 100 * len(grants) / len(turns),
        "waiting_cpu_ms_per_s": _waiting_cpu(options),
    }


def _waiting_cpu(options):
    """CPU milliseconds that one who waits burns in a second."""
    key, ready, callers, results = _start(_only_wait, options, options.callers - 1)
    lock = python_services.connect(options.service, options.address)(key)
    lock.acquire()
    ready.wait(120)
    # The second look is taken before the lock is let go.
    time.sleep(options.warm_up + options.seconds * 1.5)
    lock.release()
    burned = _finish(callers, results)
    return sum(burned) * 1e3 / len(burned) / options.seconds


def measure_ready(options):
    lock = python_services.connect(options.service, options.address)("orders/ready")
    lock.acquire()
    lock.release()
    return {"at_s": time.monotonic()}


def main():
    # Each caller connects for itself.
    multiprocessing.set_start_method("spawn")
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--measure", required=True, choices=("python", "ready"))
    parser.add_argument("--address", required=True)
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--warm-up", type=float, default=0.2)
    parser.add_argument("--seconds", type=float, default=1)
    options, _ = parser.parse_known_args()
    if options.measure == "ready":
        found = measure_ready(options)
    else:
        found = measure_alone(options) if options.callers == 1 else measure_contended(options)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
