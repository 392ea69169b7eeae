#!/usr/bin/python3
"""Takes a lock again and again, and tells what happens.

Run it next to another of its kind, or next to handover of clients/cpp, and watch
them hand the lock to one another. Stubs as for first_lock.py.
"""

import argparse
import sys
import time
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from holdfast.v1.lock_service_pb2 import AcquireRequest, ReleaseRequest
from holdfast.v1.lock_service_pb2_grpc import LockServiceStub


def take_turn(locks, args, say):
    lease_id = str(uuid.uuid4())
    request = AcquireRequest(
        key=args.key,
        lease_id=lease_id,
        expire=Duration(seconds=10),
        timeout=Duration(seconds=30),
        owner=args.name,
    )
    try:
        for event in locks.Wait(request, timeout=40):
            if event.HasField("queued"):
                behind = "".join(f" behind {holder.owner}" for holder in event.queued.holders)
                say(f"waiting at position {event.queued.position}{behind}")
            else:
                say(f"granted, token {event.granted.lease.fencing_token}")
        time.sleep(args.hold_ms / 1000)
        # Before the release, or the next holder would be heard first.
        say("releases")
    finally:
        locks.Release(ReleaseRequest(key=args.key, lease_id=lease_id), timeout=5)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1:7650", help="the server")
    parser.add_argument("--name", default="P", help="who takes the lock")
    parser.add_argument("--key", default="demo", help="which lock")
    parser.add_argument("--rounds", type=int, default=3, help="how many times")
    parser.add_argument("--hold-ms", type=int, default=400, help="for how long each time")
    args = parser.parse_args()

    locks = LockServiceStub(grpc.insecure_channel(args.address))
    try:
        for _ in range(args.rounds):
            take_turn(locks, args, lambda event: print(f"{args.name}  {event}", flush=True))
    except grpc.RpcError as error:
        sys.exit(f"{args.name}  failed: {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
