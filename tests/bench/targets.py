"""What the figures are meant to be: ratios within one run, as machines differ."""

import dataclasses

import figures


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    limit: float
    at_least: bool
    found: object  # Results -> Spread or None
    unit: str = "x"

    def outcome(self, spread):
        """"met" or "missed" by every repetition, or "unclear"."""
        kept = [
            value >= self.limit if self.at_least else value <= self.limit
            for value in (spread.low, spread.median, spread.high)
        ]
        return "met" if all(kept) else "unclear" if any(kept) else "missed"


def _ratio(measure, setting, row, base, name="rate"):
    def found(results):
        return figures.ratio(
            results.values(measure, setting, row, name),
            results.values(measure, setting, base, name),
        )

    return found


def _between(measure, setting, row, base_setting, base, name="rate"):
    """Of two settings."""

    def found(results):
        return figures.ratio(
            results.values(measure, setting, row, name),
            results.values(measure, base_setting, base, name),
        )

    return found


def _over_floor(measure, setting, row, pair, pairs, writes, p10=False):
    """A p50 over so many bare pairs of one caller and so many durable writes; or the p10
    over theirs, which is steadier where others keep the disk and the processors busy."""
    which = "p10_us" if p10 else "us"

    def found(results):
        beside = f"{measure} {setting}"
        bare = results.values("floor", beside, "disk", f"{pair}_{which}")
        write = results.values("floor", beside, "disk", f"best_{which}")
        floor = {r: pairs * bare[r] + writes * write[r] for r in bare}
        taken = results.values(measure, setting, row, "p10_us" if p10 else "p50_us")
        return figures.ratio(taken, floor)

    return found


def _python_over_floor(results):
    """Over two bare calls of grpcio and two durable writes."""
    bare = results.values("python", "1", "python-bare", "p50_us")
    write = results.values("floor", "python 1", "disk", "best_us")
    floor = {r: bare[r] + 2 * write[r] for r in bare if r in write}
    return figures.ratio(results.values("python", "1", "python-holdfast", "p50_us"), floor)


def _python_spread(results):
    return figures.spread(
        results.values("python", "8", "python-holdfast", "spread_percent").values()
    )


def _killed_over_hand_over(results):
    return figures.ratio(
        results.values("killed", "1 waiter", "session-process", "p50_us"),
        results.values("hand-over", "1", "session-process", "p50_us"),
    )


def _hand_over_growth(results):
    return figures.ratio(
        results.values("hand-over", "10000", "holdfast-sync", "p50_us"),
        results.values("hand-over", "10", "holdfast-sync", "p50_us"),
    )


def _quotient(measure, row, name, base):
    """Of two values of one sample."""

    def found(results):
        for setting in results.settings(measure):
            return figures.ratio(
                results.values(measure, setting, row, name),
                results.values(measure, setting, row, base),
            )
        return None

    return found


def _bytes_per_lock(results):
    for setting in results.settings("held"):
        return figures.spread(
            results.values("held", setting, "holdfast-process", "bytes_per_lock").values()
        )
    return None


TARGETS = (
    Target(
        "64 callers, process: pairs/s over bare",
        0.75,
        True,
        _ratio("pairs", "4x16", "holdfast-process", "bare"),
    ),
    Target(
        "64 callers, sync: pairs/s over bare",
        0.6,
        True,
        _ratio("pairs", "4x16", "holdfast-sync", "bare"),
    ),
    Target(
        "64 callers, process: server CPU of a pair over bare's",
        1.6,
        False,
        _ratio("pairs", "4x16", "holdfast-process", "bare", "server_cpu_us"),
    ),
    Target(
        "1 caller, sync: p50 of a pair over a bare pair and two durable writes",
        1.15,
        False,
        _over_floor("pairs", "1x1", "holdfast-sync", "pair", 1, 2),
    ),
    Target(
        "the same by the fastest tenth of each",
        1.15,
        False,
        _over_floor("pairs", "1x1", "holdfast-sync", "pair", 1, 2, p10=True),
    ),
    Target(
        "1 caller on a session, sync: p50 of a pair over a bare pair and two durable writes",
        1.2,
        False,
        _over_floor("pairs", "1x1", "session-sync", "session_pair", 1, 2),
    ),
    Target(
        "the same by the fastest tenth of each",
        1.2,
        False,
        _over_floor("pairs", "1x1", "session-sync", "session_pair", 1, 2, p10=True),
    ),
    Target(
        "1 caller on a session, sync: p50 of a pair over Redis always",
        1.15,
        False,
        _ratio("pairs", "1x1", "session-sync", "redis-always", "p50_us"),
    ),
    Target(
        "64 callers on 4 sessions, sync: pairs/s over Redis always on 64 connections",
        1.5,
        True,
        _between("pairs", "4x16", "session-sync", "64x1", "redis-always"),
    ),
    Target(
        "1,024 at once on 16 sessions, sync: pairs/s over Redis always",
        0.5,
        True,
        _ratio("pairs", "16x64", "session-sync", "redis-always"),
    ),
    Target(
        "a session renews 1,000 leases: p50 over a bare message",
        1.2,
        False,
        _ratio("renew-all", "1000", "session-sync", "bare-session", "p50_us"),
    ),
    Target(
        "a bound holder is killed: p50 until the next grant over a hand-over, process",
        3,
        False,
        _killed_over_hand_over,
    ),
    Target(
        "64 callers, sync: pairs/s over etcd's lock service",
        10,
        True,
        _ratio("pairs", "4x16", "holdfast-sync", "etcd-lock"),
    ),
    Target(
        "64 callers, sync: pairs/s over ZooKeeper",
        10,
        True,
        _ratio("pairs", "4x16", "holdfast-sync", "zookeeper"),
    ),
    Target(
        "hand-over to 1 waiter, sync: p50 over a bare round trip and a durable write",
        1.5,
        False,
        _over_floor("hand-over", "1", "holdfast-sync", "pair", 0.5, 1),
    ),
    Target(
        "the same on a session",
        1.5,
        False,
        _over_floor("hand-over", "1", "session-sync", "session_pair", 0.5, 1),
    ),
    Target(
        "hand-over, sync: p50 with 10,000 waiters over that with 10", 1.2, False, _hand_over_growth
    ),
    Target(
        "leases that lapse at once, sync: others' p99 over their usual p99",
        2,
        False,
        _quotient("lapse", "holdfast-sync", "p99_us", "usual_p99_us"),
    ),
    Target(
        "Python, 1 process: p50 of a pair over two bare calls and two durable writes",
        1.3,
        False,
        _python_over_floor,
    ),
    Target(
        "Python, 8 processes: CPU while waiting over diskcache's",
        0.1,
        False,
        _ratio("python", "8", "python-holdfast", "python-diskcache", "waiting_cpu_ms_per_s"),
    ),
    Target("Python, 8 processes: spread of the grants", 5, False, _python_spread, "%"),
    Target("resident memory of a held lock", 600, False, _bytes_per_lock, " bytes"),
    Target(
        "starting with the locks over a bare reading of them",
        3,
        False,
        _quotient("held", "holdfast-process", "start_s", "scan_s"),
    ),
)
