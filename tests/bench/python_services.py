"""The locks that Python programs take: each as a function from a key to an object with
`acquire`, which waits, and `release`. Packages are imported by whoever needs them."""

import hashlib
import os
import uuid


def _holdfast(address):
    import holdfast

    client = holdfast.Client(address)
    return lambda key: holdfast.SyncLock(client, key, timeout=None, expire=3600)


class _BareCalls:
    """Two calls of grpcio with holdfast's messages, which the bare server answers at once."""

    def __init__(self, stub, key):
        self._stub = stub
        self._key = key

    def acquire(self):
        from google.protobuf.duration_pb2 import Duration
        from holdfast.v1.lock_service_pb2 import AcquireRequest

        self._id = str(uuid.uuid4())
        request = AcquireRequest(
            key=self._key, lease_id=self._id, expire=Duration(seconds=3600), owner="bench"
        )
        self._stub.Acquire(request, timeout=10)

    def release(self):
        from holdfast.v1.lock_service_pb2 import ReleaseRequest

        self._stub.Release(ReleaseRequest(key=self._key, lease_id=self._id), timeout=10)


def _bare(address):
    import grpc
    from holdfast.v1.lock_service_pb2_grpc import LockServiceStub

    stub = LockServiceStub(grpc.insecure_channel(address))
    return lambda key: _BareCalls(stub, key)


def _diskcache(address):
    import diskcache

    cache = diskcache.Cache(address)
    return lambda key: diskcache.Lock(cache, key, expire=3600)


def _filelock(address):
    import filelock

    def make(key):
        name = hashlib.sha256(key.encode()).hexdigest()
        return filelock.FileLock(os.path.join(address, name))

    return make


def _redis(address):
    import redis

    server = redis.Redis(unix_socket_path=address.removeprefix("unix:"))
    return lambda key: server.lock(key, timeout=3600)


def _kazoo(address):
    import kazoo.client

    client = kazoo.client.KazooClient(address)
    client.start(timeout=60)
    return lambda key: client.Lock("/" + key)


_SERVICES = {
    "python-bare": _bare,
    "python-diskcache": _diskcache,
    "python-filelock": _filelock,
    "python-holdfast": _holdfast,
    "python-kazoo": _kazoo,
    "python-redis": _redis,
}


def connect(service, address):
    """A function from a key to a lock."""
    return _SERVICES[service](address)
