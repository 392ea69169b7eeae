"""What is measured beside what, and what each row may be compared for."""

import dataclasses

_ACKNOWLEDGED = "until acknowledged"
_LAST_SECOND = "all but the last 1 s"
_FIVE_MINUTES = "5 min, stored"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    server: str  # Of servers.RECIPES.
    service: str  # As the load program calls it.
    durable: str  # What an acknowledged lock survives.
    ended_ids: str  # How long a repeated request is known for one that has ended.
    most_outstanding: int = 1024
    most_waiters: int = 0  # For one key; 0: nobody can wait.
    renews: bool = False
    bound: bool = False  # A holder that is killed frees its lock at once.

    @property
    def python(self):
        """A lock of a Python package, with a measure of its own."""
        return self.service.startswith("python-")

    @property
    def session(self):
        return self.service == "session"


ROWS = (
    Row("bare", "bare", "unary", "nothing", "-", renews=True),
    Row("holdfast-memory", "memory", "unary", "nothing", "5 min", most_waiters=10_000, renews=True),
    Row(
        "holdfast-process",
        "holdfast-process",
        "unary",
        "process death",
        _FIVE_MINUTES,
        most_waiters=10_000,
        renews=True,
    ),
    Row(
        "holdfast-sync",
        "holdfast-sync",
        "unary",
        "power loss",
        _FIVE_MINUTES,
        most_waiters=10_000,
        renews=True,
    ),
    Row("bare-session", "bare", "session", "nothing", "-", renews=True),
    Row(
        "session-process",
        "holdfast-process",
        "session",
        "process death",
        _ACKNOWLEDGED,
        most_waiters=10_000,
        renews=True,
        bound=True,
    ),
    Row(
        "session-sync",
        "holdfast-sync",
        "session",
        "power loss",
        _ACKNOWLEDGED,
        most_waiters=10_000,
        renews=True,
        bound=True,
    ),
    Row("redis-always", "redis-always", "redis", "power loss", "not kept", renews=True),
    Row("redis-everysec", "redis-everysec", "redis", _LAST_SECOND, "not kept", renews=True),
    Row("redis-memory", "redis-memory", "redis", "nothing", "not kept", renews=True),
    Row("etcd-lock", "etcd", "etcd-lock", "power loss", "not kept", most_waiters=1000),
    Row("etcd-txn", "etcd", "etcd-txn", "power loss", "not kept"),
    # Each of its waiters lists all of them.
    Row("zookeeper", "zookeeper", "zookeeper", "power loss", "not kept", most_waiters=1000),
    # A process for each connection, and each waiter needs one.
    Row("postgres", "postgres", "postgres", "nothing", "not kept", most_waiters=100, bound=True),
    # A process or thread for each caller.
    Row("diskcache", "diskcache", "diskcache", "process death", "not kept", 16, most_waiters=10),
    Row("flock", "flock", "flock", "nothing", "-", 16, most_waiters=1000, bound=True),
    # Two bare calls of grpcio, which exclude nobody.
    Row("python-bare", "bare", "python-bare", "nothing", "-", 0),
    Row("python-holdfast", "holdfast-sync", "python-holdfast", "power loss", _FIVE_MINUTES, 0),
    Row("python-diskcache", "diskcache", "python-diskcache", "process death", "not kept", 0),
    Row("python-filelock", "python-filelock", "python-filelock", "nothing", "-", 0),
    Row("python-redis", "python-redis", "python-redis", "power loss", "not kept", 0),
    Row("python-kazoo", "python-kazoo", "python-kazoo", "power loss", "not kept", 0),
)

BY_NAME = {row.name: row for row in ROWS}
