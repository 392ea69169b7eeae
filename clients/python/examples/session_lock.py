#!/usr/bin/python3
"""A lock that is free again as soon as this program has ended, however it ends.

It is held in a session: one stream that lasts for as long as the program. On a Unix
socket the server sees the end of the stream, and with it that the program has gone; so
the lock can be bound to it. Stubs as for first_lock.py.
"""

import queue
import sys
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from holdfast.v1.lock_service_pb2 import AcquireRequest, ReleaseRequest
from holdfast.v1.session_pb2 import Operation, SessionRequest
from holdfast.v1.session_pb2_grpc import SessionServiceStub


def main(address, key):
    requests = queue.SimpleQueue()
    # No deadline: a stream that its client ends takes the bound leases with it.
    messages = SessionServiceStub(grpc.insecure_channel(address)).Session(iter(requests.get, None))
    lease_id = str(uuid.uuid4())
    # The expire is a second net, and what counts over TCP. Longer work than that sends
    # Operation(renew_all=...) now and then.
    acquire = AcquireRequest(
        key=key, lease_id=lease_id, expire=Duration(seconds=3600), owner="session_lock.py", bound=True
    )
    attach = Operation.Attach(session_id=str(uuid.uuid4()), stream_number=1)
    requests.put(SessionRequest(operations=[
        Operation(id=1, attach=attach),
        Operation(id=2, acquire=Operation.AcquireOperation(request=acquire)),
    ]))
    try:
        for message in messages:
            requests.put(SessionRequest(received=message.number))  # We know of the grant.
            for event in message.events:
                if event.HasField("granted"):
                    print(f"held with token {event.granted.fencing_token}", flush=True)
                    sys.stdin.readline()  # The work.
                    release = ReleaseRequest(key=key, lease_id=lease_id)
                    requests.put(SessionRequest(operations=[Operation(id=3, release=release)]))
                elif event.HasField("released"):
                    requests.put(None)  # Nothing more to ask for: the stream ends.
                elif event.HasField("failed") or event.HasField("lease_ended"):
                    sys.exit(f"not held: {event}")
    except grpc.RpcError as error:
        sys.exit(f"no session: {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
