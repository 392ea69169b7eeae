#!/usr/bin/python3
"""A first lock in Python, with nothing but stubs generated from protos/.

    apt install protobuf-compiler protobuf-compiler-grpc python3-grpcio python3-protobuf
    protoc -Iprotos --python_out=STUBS --grpc_out=STUBS \\
        --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin \\
        protos/holdfast/v1/*.proto protos/google/rpc/status.proto
    PYTHONPATH=STUBS /usr/bin/python3 clients/python/examples/first_lock.py 127.0.0.1:7650
"""

import sys
import time
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from holdfast.v1.lock_service_pb2 import AcquireRequest, ReleaseRequest
from holdfast.v1.lock_service_pb2_grpc import LockServiceStub


def write_report(token, seconds_left):
    # Whatever the lock protects should refuse a token smaller than the last it saw.
    print(f"writing the report with token {token}, within {seconds_left:.0f} s")


def main(address):
    locks = LockServiceStub(grpc.insecure_channel(address))
    # Used once. It also proves that the lock is ours, so nobody else may know it.
    lease_id = str(uuid.uuid4())
    request = AcquireRequest(
        key="reports/2024",
        lease_id=lease_id,
        expire=Duration(seconds=30),  # Frees the lock if this process dies.
        timeout=Duration(seconds=10),  # How long to wait for our turn.
        owner="first_lock.py",
    )
    asked = time.monotonic()
    try:
        # The deadline of the call is longer than our timeout: the server answers first.
        lease = locks.Acquire(request, timeout=15).lease
        # Computed from before the call; a real program takes off a margin.
        until = asked + (lease.elapsed.ToNanoseconds() + lease.remaining.ToNanoseconds()) / 1e9
        write_report(lease.fencing_token, until - time.monotonic())
    except grpc.RpcError as error:
        sys.exit(f"no lock: {error.code().name}: {error.details()}")
    finally:
        # Cleans up whatever has happened, even if the call above failed half-way.
        locks.Release(ReleaseRequest(key="reports/2024", lease_id=lease_id), timeout=5)


if __name__ == "__main__":
    main(sys.argv[1])
