#include "services/lock/rpc/status.h"

#include <chrono>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "holdfast/v1/error_reason.pb.h"
#include "services/lock/rpc/proto_time.h"

namespace holdfast {
namespace {

constexpr char kDomain[] = "holdfast";

// Records load within seconds: asking twice a second neither delays a client
// much nor burdens the server that loads them.
constexpr Duration kRetryWhileStarting = std::chrono::milliseconds(500);

// By then a server that stops has gone, and its successor may be there.
constexpr Duration kRetryAfterStopping = std::chrono::seconds(1);

// Messages travel percent-encoded in a header of at most 8 KiB, so what a caller
// has put into them is cut to this many bytes.
constexpr std::size_t kMaxBytesQuoted = 128;

// A status in the making.
class Failure {
 public:
  Failure(grpc::StatusCode code, v1::ErrorReason reason, std::string message)
      : code_(code), message_(std::move(message)) {
    info_.set_reason(v1::ErrorReason_Name(reason));
    info_.set_domain(kDomain);
  }

  Failure& With(const std::string& key, std::string value) {
    (*info_.mutable_metadata())[key] = std::move(value);
    return *this;
  }

  Failure& RetryAfter(Duration delay) {
    *retry_.mutable_retry_delay() = ToDurationProto(delay);
    return *this;
  }

  grpc::Status Build() const {
    google::rpc::Status details;
    details.set_code(code_);
    details.set_message(message_);
    details.add_details()->PackFrom(info_);
    if (retry_.has_retry_delay()) details.add_details()->PackFrom(retry_);
    return grpc::Status(code_, message_, details.SerializeAsString());
  }

 private:
  const grpc::StatusCode code_;
  const std::string message_;
  google::rpc::ErrorInfo info_;
  google::rpc::RetryInfo retry_;
};

// `text` as it may stand in a message: on one line, and not too long.
std::string Quoted(std::string_view text) {
  std::size_t bytes = text.size();
  if (bytes > kMaxBytesQuoted) {
    bytes = kMaxBytesQuoted;
    // Not within a character: only its later bytes begin with the bits 10.
    while ((static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  }
  const char* const cut = bytes < text.size() ? "..." : "";
  return absl::StrCat("\"", absl::Utf8SafeCEscape(absl::string_view(text.data(), bytes)), cut,
                      "\"");
}

std::string Name(EndCause cause) {
  switch (cause) {
    case EndCause::kReleased:
      return "released";
    case EndCause::kExpired:
      return "expired";
    case EndCause::kForced:
      return "forced";
    case EndCause::kCancelled:
      return "cancelled";
    case EndCause::kTimedOut:
      return "timed_out";
  }
  return "unknown";
}

std::string Describe(const HolderView& holder) {
  std::string text = holder.owner.empty() ? "somebody" : Quoted(holder.owner);
  absl::StrAppend(&text, " (token ", holder.fencing_token);
  if (holder.remaining.has_value()) {
    absl::StrAppend(&text, ", ", absl::FormatDuration(absl::FromChrono(*holder.remaining)),
                    " left");
  }
  return text + ")";
}

// Adds who is in the way to a LOCK_HELD or WAIT_TIMEOUT.
Failure& AddHolder(const Refused& refused, Failure& failure) {
  failure.With("queue_length", absl::StrCat(refused.queue_length));
  if (!refused.holder.has_value()) return failure;
  const HolderView& holder = *refused.holder;
  const absl::Time since = absl::FromUnixNanos(static_cast<std::int64_t>(holder.held_since));
  failure.With("owner", holder.owner)
      .With("fencing_token", absl::StrCat(holder.fencing_token))
      .With("held_since", absl::FormatTime(absl::RFC3339_full, since, absl::UTCTimeZone()));
  if (holder.principal.known()) failure.With("principal", holder.principal.name());
  if (holder.remaining.has_value()) {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(*holder.remaining);
    failure.With("remaining_ms", absl::StrCat(rest.count()));
  }
  return failure;
}

grpc::Status LockHeld(const Refused& refused, std::string_view key) {
  const std::string holder = refused.holder.has_value() ? Describe(*refused.holder) : "somebody";
  Failure failure(grpc::StatusCode::ABORTED, v1::LOCK_HELD,
                  absl::StrCat("the lock ", Quoted(key), " is held by ", holder));
  return AddHolder(refused, failure).Build();
}

grpc::Status WaitTimeout(const Refused& refused, std::string_view key) {
  const std::string holder =
      refused.holder.has_value() ? ", which is held by " + Describe(*refused.holder) : "";
  Failure failure(grpc::StatusCode::DEADLINE_EXCEEDED, v1::WAIT_TIMEOUT,
                  absl::StrCat("timed out waiting for the lock ", Quoted(key), holder));
  return AddHolder(refused, failure).Build();
}

grpc::Status LeaseEnded(const Refused& refused) {
  const std::string cause = refused.ended_by.has_value() ? Name(*refused.ended_by) : "unknown";
  return Failure(grpc::StatusCode::FAILED_PRECONDITION, v1::LEASE_ENDED,
                 absl::StrCat("this lease_id has ended (", absl::StrReplaceAll(cause, {{"_", " "}}),
                              "); use a new one"))
      .With("ended_by", cause)
      .Build();
}

grpc::Status LeaseMismatch(const Refused& refused) {
  return Failure(grpc::StatusCode::INVALID_ARGUMENT, v1::LEASE_MISMATCH,
                 absl::StrCat("this lease_id is in use with another ", refused.name))
      .With("field", refused.name)
      .Build();
}

grpc::Status FixedLimitExceeded(const std::string& limit, absl::string_view what) {
  return Failure(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::LIMIT_EXCEEDED,
                 absl::StrCat(what, " (fixed limit ", limit, ")"))
      .With("limit", limit)
      .Build();
}

}  // namespace

grpc::Status ToStatus(const FieldError& error) {
  return Failure(grpc::StatusCode::INVALID_ARGUMENT, v1::INVALID_FIELD,
                 error.field + " " + error.problem)
      .With("field", error.field)
      .Build();
}

grpc::Status MalformedRequest(std::string_view type) {
  return Failure(grpc::StatusCode::INVALID_ARGUMENT, v1::MALFORMED_REQUEST,
                 "the request cannot be parsed as a " + std::string(type))
      .Build();
}

grpc::Status LimitExceeded(const std::string& limit) {
  if (limit == "max_calls_per_waiter") {
    return FixedLimitExceeded(limit, "too many calls are waiting with this lease_id");
  }
  if (limit == "session_attach") {
    return FixedLimitExceeded(limit, "the client has not attached to a session in time");
  }
  if (limit == "session_backlog") {
    return FixedLimitExceeded(limit, "the client does not read what it is told");
  }
  if (absl::StartsWith(limit, "quota_")) {
    return Failure(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::LIMIT_EXCEEDED,
                   absl::StrCat("the caller has as many ", limit.substr(sizeof("quota_") - 1),
                                " as the rules allow its principal"))
        .With("limit", limit)
        .Build();
  }
  return Failure(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::LIMIT_EXCEEDED,
                 absl::StrCat("the server's limit ", limit, " (flag --",
                              absl::StrReplaceAll(limit, {{"_", "-"}}), ") has been reached"))
      .With("limit", limit)
      .Build();
}

grpc::Status ToStatus(const Refused& refused, std::string_view key) {
  constexpr auto kFailedPrecondition = grpc::StatusCode::FAILED_PRECONDITION;
  switch (refused.reason) {
    case Refusal::kLockHeld:
      return LockHeld(refused, key);
    case Refusal::kWaitTimeout:
      return WaitTimeout(refused, key);
    case Refusal::kLeaseExpired:
      return Failure(kFailedPrecondition, v1::LEASE_EXPIRED,
                     absl::StrCat("the lease on ", Quoted(key), " has expired"))
          .Build();
    case Refusal::kLeaseForced:
      return Failure(kFailedPrecondition, v1::LEASE_FORCED,
                     absl::StrCat("an administrator has ended the lease on ", Quoted(key)))
          .Build();
    case Refusal::kLeaseEnded:
      return LeaseEnded(refused);
    case Refusal::kLeaseNotFound:
      return Failure(grpc::StatusCode::NOT_FOUND, v1::LEASE_NOT_FOUND,
                     absl::StrCat("no lease on ", Quoted(key), " has this lease_id"))
          .Build();
    case Refusal::kLeaseWaiting:
      return Failure(kFailedPrecondition, v1::LEASE_WAITING,
                     absl::StrCat("this lease_id is still waiting for ", Quoted(key)))
          .Build();
    case Refusal::kLockNotHeld:
      return Failure(grpc::StatusCode::NOT_FOUND, v1::LOCK_NOT_HELD,
                     absl::StrCat("nobody holds the lock ", Quoted(key),
                                  ", or not with this fencing token"))
          .Build();
    case Refusal::kLeaseMismatch:
      return LeaseMismatch(refused);
    case Refusal::kLimitExceeded:
      return LimitExceeded(refused.name);
    case Refusal::kStarting:
      return Failure(grpc::StatusCode::UNAVAILABLE, v1::SERVER_STARTING,
                     "the server is loading its records; try again")
          .RetryAfter(kRetryWhileStarting)
          .Build();
    case Refusal::kStopping:
      return Failure(grpc::StatusCode::UNAVAILABLE, v1::SERVER_STOPPING,
                     "the server is stopping; try again with the same lease_id")
          .RetryAfter(kRetryAfterStopping)
          .Build();
    case Refusal::kCancelled:
      return grpc::Status(grpc::StatusCode::CANCELLED, "the caller has gone");
    case Refusal::kNotPermitted:  // Only ever told of a lease that was listed.
      return InternalError("not permitted by the engine");
    case Refusal::kSessionReplaced:
      return Failure(grpc::StatusCode::ABORTED, v1::SESSION_REPLACED,
                     "another stream has attached to this session")
          .Build();
  }
  return InternalError("a refusal without a status");
}

v1::ErrorReason ToReason(Refusal refusal) {
  switch (refusal) {
    case Refusal::kLeaseExpired:
      return v1::LEASE_EXPIRED;
    case Refusal::kLeaseForced:
      return v1::LEASE_FORCED;
    case Refusal::kLeaseEnded:
      return v1::LEASE_ENDED;
    case Refusal::kLeaseNotFound:
      return v1::LEASE_NOT_FOUND;
    case Refusal::kLeaseWaiting:
      return v1::LEASE_WAITING;
    case Refusal::kLeaseMismatch:
      return v1::LEASE_MISMATCH;
    case Refusal::kNotPermitted:
      return v1::PERMISSION_DENIED;
    default:
      return v1::ERROR_REASON_UNSPECIFIED;
  }
}

grpc::Status NotPermitted(const std::string& principal, std::string_view permission,
                          std::string_view key) {
  const bool known = principal != "anonymous";
  const auto code = known ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::UNAUTHENTICATED;
  const std::string name(permission);
  return Failure(code, known ? v1::PERMISSION_DENIED : v1::UNAUTHENTICATED,
                 absl::StrCat(principal, " may not ", name, " ", Quoted(key)))
      .With("principal", principal)
      .With("permission", name)
      .Build();
}

grpc::Status RulesChanged() {
  return Failure(grpc::StatusCode::UNAVAILABLE, v1::RULES_CHANGED,
                 "the server's rules for this caller have changed; call again")
      .RetryAfter(Duration::zero())
      .Build();
}

grpc::Status InternalError(const std::string& what) {
  return grpc::Status(grpc::StatusCode::INTERNAL, what);
}

}  // namespace holdfast
