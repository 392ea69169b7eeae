"""How each server is started: the benchmark's own, holdfastd, and its peers.

A recipe says what it needs, makes its folder and gives its command line. All data lies
below the scratch folder, so that every service writes to the same disk.
"""

import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import processes

_POSTGRES = "/usr/lib/postgresql/15/bin/"
_ZOOKEEPER = "/usr/share/java/zookeeper.jar"
_PACKAGES = "/usr/lib/python3/dist-packages/"
_DISKCACHE = _PACKAGES + "diskcache/__init__.py"


@dataclasses.dataclass(frozen=True)
class Command:
    argv: list
    address: str  # As the load program wants it.
    user: str = ""
    stop_signal: int = signal.SIGTERM


@dataclasses.dataclass(frozen=True)
class Recipe:
    # (folder, choices) -> Command; None: there is no process, and the address is the folder.
    command: object
    package: str = ""  # Debian's.
    needs: tuple = ()  # Files that must be there.

    def missing(self):
        return [
            path for path in self.needs if shutil.which(path) is None and not os.path.exists(path)
        ]


@dataclasses.dataclass(frozen=True)
class Choices:
    binaries: pathlib.Path  # Where Bazel has put what it has built.
    tcp: bool = False  # On 127.0.0.1, also where a Unix socket would do.
    max_leases: int = 1_000_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _address(folder, choices):
    return f"127.0.0.1:{free_port()}" if choices.tcp else f"unix:{folder}/s"


def _own(program):
    def command(folder, choices):
        address = _address(folder, choices)
        return Command([choices.binaries / "tests/bench/servers" / program, address], address)

    return command


def holdfast_data(folder):
    return pathlib.Path(folder) / "data"


def _holdfast(durability):
    def command(folder, choices):
        address = _address(folder, choices)
        argv = [
            choices.binaries / "services/lock/main/holdfastd",
            f"--data-dir={holdfast_data(folder)}",
            f"--listen={address}",
            f"--durability={durability}",
            f"--max-leases={choices.max_leases}",
        ]
        return Command(argv, address)

    return command


def _redis(appendfsync):
    """None: it writes nothing."""
    log = ["--appendonly", "yes", "--appendfsync", appendfsync] if appendfsync else []

    def command(folder, choices):
        where = ["--port", "0", "--unixsocket", f"{folder}/s"]
        address = f"unix:{folder}/s"
        if choices.tcp:
            port = free_port()
            where, address = ["--bind", "127.0.0.1", "--port", str(port)], f"127.0.0.1:{port}"
        argv = ["redis-server", *where, "--dir", str(folder), "--save", "", *log]
        return Command(argv, address)

    return command


def _etcd(folder, choices):
    del choices  # Its clients speak TCP.
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    argv = ["etcd", "--data-dir", f"{folder}/data", "--log-level", "error"]
    argv += ["--listen-client-urls", client, "--advertise-client-urls", client]
    argv += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
    argv += ["--initial-cluster", f"default={peer}"]
    return Command(argv, client.removeprefix("http://"))


def _zookeeper(folder, choices):
    del choices  # It has no Unix sockets.
    port = free_port()
    settings = pathlib.Path(folder, "zoo.cfg")
    settings.write_text(
        f"dataDir={folder}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        "tickTime=2000\nmaxSessionTimeout=3600000\nmaxClientCnxns=0\nadmin.enableServer=false\n"
    )
    main = "org.apache.zookeeper.server.ZooKeeperServerMain"
    return Command(["java", "-cp", _ZOOKEEPER, main, str(settings)], f"127.0.0.1:{port}")


def _postgres(folder, choices):
    # It refuses to be run by root.
    user = "postgres" if os.geteuid() == 0 else ""
    if user:
        shutil.chown(folder, user)
    data = f"{folder}/data"
    make = [_POSTGRES + "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, user=user or None, cwd="/")
    port = free_port()
    settings = {"max_connections": 200, "port": port, "unix_socket_directories": folder}
    settings["listen_addresses"] = "127.0.0.1" if choices.tcp else ""
    argv = [_POSTGRES + "postgres", "-D", data]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    address = f"127.0.0.1:{port}" if choices.tcp else f"unix:{folder}/.s.PGSQL.{port}"
    return Command(argv, address, user, signal.SIGINT)


RECIPES = {
    "bare": Recipe(_own("bare_server")),
    "memory": Recipe(_own("memory_server")),
    "holdfast-process": Recipe(_holdfast("process")),
    "holdfast-sync": Recipe(_holdfast("sync")),
    "redis-always": Recipe(_redis("always"), "redis-server", ("redis-server",)),
    "redis-everysec": Recipe(_redis("everysec"), "redis-server", ("redis-server",)),
    "redis-memory": Recipe(_redis(None), "redis-server", ("redis-server",)),
    "etcd": Recipe(_etcd, "etcd-server", ("etcd",)),
    "zookeeper": Recipe(_zookeeper, "zookeeper", ("java", _ZOOKEEPER)),
    "postgres": Recipe(_postgres, "postgresql-15", (_POSTGRES + "postgres",)),
    "diskcache": Recipe(None, "python3-diskcache", (_DISKCACHE,)),
    "flock": Recipe(None),
    "python-filelock": Recipe(None, "python3-filelock", (_PACKAGES + "filelock/__init__.py",)),
    "python-redis": Recipe(
        _redis("always"), "python3-redis", ("redis-server", _PACKAGES + "redis/__init__.py")
    ),
    "python-kazoo": Recipe(
        _zookeeper, "python3-kazoo", ("java", _ZOOKEEPER, _PACKAGES + "kazoo/__init__.py")
    ),
}


class Server:
    """A started server, or the folder that stands for one."""

    def __init__(self, name, folder, choices):
        self.name = name
        self.folder = pathlib.Path(folder)
        self._choices = choices
        self._command = None
        self._process = None
        self.address = str(folder)
        self.folder.mkdir(exist_ok=True)
        if RECIPES[name].command:
            self._command = RECIPES[name].command(self.folder, choices)
            self.address = self._command.address
            self.start()

    def start(self):
        argv = [str(word) for word in self._command.argv]
        log = self.folder.parent / f"{self.name}.log"
        self._process = processes.Process(
            argv, log, self._command.user, stop_signal=self._command.stop_signal
        )

    def another(self):
        """A second one beside it, which starts empty."""
        return Server(self.name, self.folder.with_name(self.folder.name + "-2"), self._choices)

    def remove(self):
        """REQUIRES: stopped."""
        shutil.rmtree(self.folder)

    @property
    def pid(self):
        return self._process.pid if self._process else 0

    def last_words(self):
        return self._process.last_words() if self._process else ""

    def stop(self):
        if self._process:
            self._process.stop()
