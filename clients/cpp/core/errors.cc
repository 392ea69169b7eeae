#include "clients/cpp/core/errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/cord.h"

namespace holdfast {
namespace {

constexpr std::array<std::pair<ErrorReason, std::string_view>, 18> kReasonNames = {{
    {ErrorReason::kLockHeld, "LOCK_HELD"},
    {ErrorReason::kWaitTimeout, "WAIT_TIMEOUT"},
    {ErrorReason::kLeaseExpired, "LEASE_EXPIRED"},
    {ErrorReason::kLeaseForced, "LEASE_FORCED"},
    {ErrorReason::kLeaseEnded, "LEASE_ENDED"},
    {ErrorReason::kLeaseNotFound, "LEASE_NOT_FOUND"},
    {ErrorReason::kLeaseWaiting, "LEASE_WAITING"},
    {ErrorReason::kLeaseMismatch, "LEASE_MISMATCH"},
    {ErrorReason::kInvalidField, "INVALID_FIELD"},
    {ErrorReason::kMalformedRequest, "MALFORMED_REQUEST"},
    {ErrorReason::kLimitExceeded, "LIMIT_EXCEEDED"},
    {ErrorReason::kServerStarting, "SERVER_STARTING"},
    {ErrorReason::kServerStopping, "SERVER_STOPPING"},
    {ErrorReason::kLockNotHeld, "LOCK_NOT_HELD"},
    {ErrorReason::kSessionReplaced, "SESSION_REPLACED"},
    {ErrorReason::kPermissionDenied, "PERMISSION_DENIED"},
    {ErrorReason::kUnauthenticated, "UNAUTHENTICATED"},
    {ErrorReason::kRulesChanged, "RULES_CHANGED"},
}};

// What a status carries, each as a payload of its own, under these names. absl::Status
// prints payloads as they are, so they are text: a serialised message would print as bytes.
constexpr std::string_view kReason = "holdfast.reason";
constexpr std::string_view kRetryAfter = "holdfast.retry_after_ns";
constexpr std::string_view kMetadataPrefix = "holdfast/";  // The name of the entry follows.

void SetText(absl::Status& status, std::string_view name, std::string_view text) {
  status.SetPayload({name.data(), name.size()}, absl::Cord({text.data(), text.size()}));
}

std::string TextOf(const absl::Status& status, std::string_view name) {
  const auto payload = status.GetPayload({name.data(), name.size()});
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace

ErrorReason ReasonOf(const absl::Status& status) {
  const std::string carried = TextOf(status, kReason);
  for (const auto& [reason, name] : kReasonNames) {
    if (carried == name) return reason;
  }
  return ErrorReason::kUnspecified;
}

std::string_view ErrorReasonName(ErrorReason reason) {
  for (const auto& [known, name] : kReasonNames) {
    if (known == reason) return name;
  }
  return "ERROR_REASON_UNSPECIFIED";
}

std::map<std::string, std::string> ErrorMetadata(const absl::Status& status) {
  std::map<std::string, std::string> metadata;
  status.ForEachPayload([&metadata](absl::string_view name, const absl::Cord& text) {
    const std::string_view full(name.data(), name.size());
    if (!full.starts_with(kMetadataPrefix)) return;
    metadata.emplace(full.substr(kMetadataPrefix.size()), std::string(text));
  });
  return metadata;
}

namespace core {

void SetReason(absl::Status& status, std::string_view reason,
               const std::map<std::string, std::string>& metadata) {
  SetText(status, kReason, reason);
  for (const auto& [name, text] : metadata) {
    SetText(status, std::string(kMetadataPrefix) + name, text);
  }
}

absl::Status MakeError(absl::StatusCode code, ErrorReason reason, std::string_view message,
                       const std::map<std::string, std::string>& metadata) {
  absl::Status status(code, {message.data(), message.size()});
  SetReason(status, ErrorReasonName(reason), metadata);
  return status;
}

void SetRetryDelay(absl::Status& status, Duration delay) {
  // A server that asks for more than a minute is not to be believed.
  constexpr Duration kMax = std::chrono::minutes(1);
  SetText(status, kRetryAfter, std::to_string(std::clamp(delay, Duration::zero(), kMax).count()));
}

Duration RetryDelayOf(const absl::Status& status) {
  const std::string text = TextOf(status, kRetryAfter);
  Duration::rep nanoseconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), nanoseconds);
  return Duration(nanoseconds);
}

std::string Describe(const absl::Status& status) {
  std::string text(status.message());
  if (const std::string reason = TextOf(status, kReason); !reason.empty()) {
    text += " (" + reason + ")";
  }
  return text;
}

bool ShouldRetry(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kServerStarting:
    case ErrorReason::kServerStopping:
    case ErrorReason::kSessionReplaced:
    case ErrorReason::kRulesChanged:
      return true;
    case ErrorReason::kUnspecified:
      break;
    default:
      return false;  // The server has decided.
  }
  switch (status.code()) {
    // A connection that broke shows as any of these, depending on when it did.
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kAborted:
      return true;
    default:
      return false;
  }
}

bool SaysLeaseEnded(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kLeaseExpired:
    case ErrorReason::kLeaseForced:
    case ErrorReason::kLeaseEnded:
    case ErrorReason::kLeaseNotFound:
      return true;
    default:
      return false;
  }
}

absl::Status ClientDestroyed() { return absl::CancelledError("the client was destroyed"); }

absl::Status GaveUp(std::string_view what, const absl::Status& trouble) {
  std::string message(what);
  message += ": ";
  if (trouble.code() != absl::StatusCode::kUnavailable) {
    message += absl::StatusCodeToString(trouble.code()) + ": ";
  }
  message += std::string(trouble.message());
  absl::Status status = absl::UnavailableError(message);
  trouble.ForEachPayload([&status](absl::string_view type, const absl::Cord& payload) {
    status.SetPayload(type, payload);
  });
  return status;
}

}  // namespace core
}  // namespace holdfast
