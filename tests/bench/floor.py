"""What the disk alone takes for one durable write, of the two fastest kinds."""

import mmap
import os
import statistics
import time

_BLOCK = 4096
_BLOCKS = 64


def _taken_us(write_one, times):
    """The median, and what a tenth of the writes are faster than."""
    taken = []
    for i in range(times):
        begin = time.perf_counter_ns()
        write_one((i % _BLOCKS) * _BLOCK)
        taken.append(time.perf_counter_ns() - begin)
    return statistics.median(taken) / 1000, sorted(taken)[times // 10] / 1000


def measure(folder, times):
    """Overwrites blocks of a file that were written before, and makes each durable.

    Returns the medians in microseconds: "direct_us" with O_DIRECT|O_DSYNC, which is
    left out where the file system has no O_DIRECT, and "fdatasync_us"; the smaller of
    them as "best_us"; and "best_p10_us", likewise of the fastest tenth.
    """
    path = os.path.join(folder, "floor")
    block = mmap.mmap(-1, _BLOCK)  # Aligned, as O_DIRECT wants it.
    block.write(b"x" * _BLOCK)
    with open(path, "wb") as file:
        file.write(bytes(_BLOCK * _BLOCKS))
        file.flush()
        os.fsync(file.fileno())
    found, fast = {}, {}
    try:
        direct = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        found["direct_us"], fast["direct"] = _taken_us(
            lambda at: os.pwrite(direct, block, at), times
        )
        os.close(direct)
    except OSError:
        pass
    plain = os.open(path, os.O_WRONLY)

    def overwrite(at):
        os.pwrite(plain, block, at)
        os.fdatasync(plain)

    found["fdatasync_us"], fast["fdatasync"] = _taken_us(overwrite, times)
    os.close(plain)
    os.unlink(path)
    found["best_us"] = min(found.values())
    found["best_p10_us"] = min(fast.values())
    return found
