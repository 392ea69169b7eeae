#!/usr/bin/python3
"""The driver that has no client library, only grpcio and generated stubs: see scenarios.md.

It shows the least that a client does. It has no lock objects and no session.
"""

import sys
import threading
import time
import uuid

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from holdfast.v1.lock_service_pb2 import AcquireRequest, GetRequest, ReleaseRequest, RenewRequest
from holdfast.v1.lock_service_pb2_grpc import LockServiceStub

RETRIED = ("UNAVAILABLE", "UNKNOWN", "INTERNAL", "SERVER_STARTING", "SERVER_STOPPING")


def say(number, *words):
    print(f"{number} {' '.join(map(str, words))}\n", end="", flush=True)


def reason_of(error):
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return error.code().name


def duration(text):
    nanos = round(float(text) * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)


class Acquire:
    """One acquire and its lease."""

    def __init__(self, stub, number, options):
        self.stub = stub
        self.number = number
        self.renews = "renew" in options
        self.request = AcquireRequest(
            key=options["key"],
            lease_id=str(uuid.uuid4()),
            tags=sorted(options["tags"].split(",")) if "tags" in options else [],
            owner=options.get("owner", "stubs"),
        )
        if "expire" in options:
            self.request.expire.CopyFrom(duration(options["expire"]))
        self.give_up_at = time.monotonic() + float(options.get("timeout", 3600))
        self.cancelled = False
        self.call = None
        self.lost = threading.Event()
        self.released = threading.Event()
        self.deadline = float("inf")

    def run(self):
        while True:
            left = max(self.give_up_at - time.monotonic(), 0)
            self.request.timeout.CopyFrom(duration(left))
            sent = time.monotonic()
            try:
                self.call = self.stub.Wait(self.request, timeout=left + 5)
                for event in self.call:
                    if event.HasField("queued"):
                        owner = event.queued.holders[0].owner if event.queued.holders else ""
                        say(self.number, "queued", event.queued.position, owner)
                    else:
                        self.keep(sent, event.granted.lease)
                        say(self.number, "granted", event.granted.lease.fencing_token)
                return
            except grpc.RpcError as error:
                reason = "CANCELLED" if self.cancelled else reason_of(error)
                if reason not in RETRIED:
                    self.give_back()
                    say(self.number, "failed", reason)
                    return
                time.sleep(0.05)

    def keep(self, sent, lease):
        if lease.HasField("remaining"):
            self.deadline = sent + (lease.elapsed.ToNanoseconds() + lease.remaining.ToNanoseconds()) / 1e9
            threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Renews it, or tells of its loss shortly before its end."""
        expire = self.request.expire.ToNanoseconds() / 1e9
        while not self.released.is_set():
            left = self.deadline - expire / 20 - time.monotonic()
            if left <= 0:
                self.lost.set()
                return
            self.released.wait(min(left, expire / 3) if self.renews else left)
            if self.renews and not self.released.is_set():
                self.renew()

    def renew(self):
        """What it ended with, or None."""
        request = RenewRequest(key=self.request.key, lease_id=self.request.lease_id)
        while True:
            sent = time.monotonic()
            try:
                lease = self.stub.Renew(request, timeout=5).lease
                if lease.HasField("remaining"):
                    self.deadline = sent + (
                        lease.elapsed.ToNanoseconds() + lease.remaining.ToNanoseconds()
                    ) / 1e9
                return None
            except grpc.RpcError as error:
                reason = reason_of(error)
                if reason not in RETRIED or sent > self.deadline:
                    self.lost.set()
                    return reason
                time.sleep(0.05)

    def give_back(self):
        """What it ended with, or None."""
        self.released.set()
        request = ReleaseRequest(key=self.request.key, lease_id=self.request.lease_id)
        while True:
            try:
                self.stub.Release(request, timeout=5)
                return None
            except grpc.RpcError as error:
                if reason_of(error) not in RETRIED:
                    return reason_of(error)
                time.sleep(0.05)


class Driver:
    def __init__(self, address):
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
        self.stub = LockServiceStub(grpc.insecure_channel(address, options))
        self.acquires = {}

    def obey(self, number, verb, options):
        if verb == "locked":
            lock = self.stub.Get(GetRequest(key=options["key"]), timeout=5).lock
            say(number, "yes" if lock.holders else "no")
            return
        acquire = self.acquires[options["of"]]
        if verb == "cancel":
            acquire.cancelled = True
            acquire.call.cancel()
            say(number, "ok")
        elif verb == "state":
            valid = time.monotonic() < acquire.deadline and not acquire.lost.is_set()
            say(number, "valid" if valid else "invalid")
        elif verb == "lost":
            acquire.lost.wait()
            say(number, "lost")
        else:
            failed = acquire.renew() if verb == "renew" else acquire.give_back()
            say(number, *(("failed", failed) if failed else ("ok",)))

    def run(self):
        for line in sys.stdin:
            number, verb, *words = line.split()
            options = dict(word.split("=", 1) for word in words)
            if "object" in options or "bound" in options:
                say(number, "unsupported")
                continue
            work = (self.obey, number, verb, options)
            if verb == "acquire":
                self.acquires[number] = Acquire(self.stub, number, options)
                work = (self.acquires[number].run,)
            threading.Thread(target=work[0], args=work[1:], daemon=True).start()


if __name__ == "__main__":
    Driver(sys.argv[1]).run()
