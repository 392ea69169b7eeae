"""Between the API's messages and what the rest of the package speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from google.protobuf.duration_pb2 import Duration

from ._options import Spec
from ._stubs import (
    admin_service_pb2,
    error_details_pb2,
    error_reason_pb2,
    lease_pb2,
    lock_service_pb2,
    status_pb2,
)


@dataclass(frozen=True)
class Method:
    """`streams`: the server answers with any number of messages. `waits`: until there is a
    lock, for as long as the request says."""

    path: str
    parse: Callable[[bytes], Any]
    streams: bool = False
    waits: bool = False


_LOCKS = "/holdfast.v1.LockService/"
_ADMIN = "/holdfast.v1.AdminService/"

ACQUIRE = Method(_LOCKS + "Acquire", lock_service_pb2.AcquireResponse.FromString, waits=True)
WAIT = Method(_LOCKS + "Wait", lock_service_pb2.WaitEvent.FromString, streams=True, waits=True)
RELEASE = Method(_LOCKS + "Release", lock_service_pb2.ReleaseResponse.FromString)
RENEW = Method(_LOCKS + "Renew", lock_service_pb2.RenewResponse.FromString)
GET = Method(_LOCKS + "Get", lock_service_pb2.GetResponse.FromString)
LIST = Method(_LOCKS + "List", lock_service_pb2.ListResponse.FromString)
WATCH = Method(_LOCKS + "Watch", lock_service_pb2.WatchResponse.FromString, streams=True)
FORCE_RELEASE = Method(
    _ADMIN + "ForceRelease", admin_service_pb2.ForceReleaseResponse.FromString
)
RELEASE_BY_TAG = Method(
    _ADMIN + "ReleaseByTag", admin_service_pb2.ReleaseByTagResponse.FromString
)


@dataclass(frozen=True)
class Failure:
    """How a call ended that did not succeed. `code` is the name of a gRPC status code."""

    code: str
    message: str
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    retry_delay: float = 0.0


# gRPC's numbers.
CODES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS "
    "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE "
    "UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()

STATUS_DETAILS = "grpc-status-details-bin"


def failure_of(code: str, message: str, details: Optional[bytes]) -> Failure:
    """`details`: a google.rpc.Status, as it comes in the trailing metadata."""
    if not details:
        return Failure(code, message)
    try:
        status = status_pb2.Status.FromString(details)
    except Exception:  # Each implementation of protobuf has a DecodeError of its own.
        return Failure(code, message)
    return failure_of_status(status, code)


def failure_of_status(status: status_pb2.Status, code: Optional[str] = None) -> Failure:
    reason, metadata, delay = "", {}, 0.0
    for detail in status.details:
        kind = detail.type_url.rpartition("/")[2]
        if kind == "google.rpc.ErrorInfo":
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
            if info.domain == "holdfast":
                reason, metadata = info.reason, dict(info.metadata)
        elif kind == "google.rpc.RetryInfo":
            retry = error_details_pb2.RetryInfo.FromString(detail.value)
            # A server that asks for more than a minute is not to be believed.
            delay = min(max(seconds(retry.retry_delay), 0.0), 60.0)
    if code is None:
        code = CODES[status.code] if status.code < len(CODES) else "UNKNOWN"
    return Failure(code, status.message, reason, metadata, delay)


def duration(span: float) -> Duration:
    whole, nanos = divmod(round(span * 1e9), 1_000_000_000)
    return Duration(seconds=whole, nanos=nanos)


def seconds(span: Duration) -> float:
    return float(span.seconds + span.nanos / 1e9)


def acquire_request(
    spec: Spec, lease_id: str, timeout: Optional[float]
) -> lock_service_pb2.AcquireRequest:
    """A timeout of None: without one, which only a call that streams may do."""
    request = lock_service_pb2.AcquireRequest(
        key=spec.key, lease_id=lease_id, owner=spec.owner, bound=spec.bound
    )
    if spec.tags:
        request.tags.extend(sorted(spec.tags))
    if spec.expire is not None:
        request.expire.CopyFrom(duration(spec.expire))
    if spec.max_hold is not None:
        request.max_hold.CopyFrom(duration(spec.max_hold))
    if timeout is not None:
        request.timeout.CopyFrom(duration(timeout))
    return request


@dataclass(frozen=True)
class Granted:
    """A grant, or a renewal: spans in seconds, as in lease.proto."""

    fencing_token: int
    elapsed: float
    remaining: Optional[float]


def granted(lease: lease_pb2.Lease) -> Granted:
    return Granted(
        lease.fencing_token,
        seconds(lease.elapsed),
        seconds(lease.remaining) if lease.HasField("remaining") else None,
    )


def reason_name(number: int) -> str:
    """"" for one of a newer server."""
    known = error_reason_pb2.ErrorReason.values()
    return str(error_reason_pb2.ErrorReason.Name(number)) if number in known else ""
