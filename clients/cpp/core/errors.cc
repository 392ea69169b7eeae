#include "clients/cpp/core/errors.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace holdfast {
namespace {

constexpr std::string_view kDomain = "holdfast";

constexpr std::array<std::pair<ErrorReason, std::string_view>, 14> kReasonNames = {{
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
}};

template <typename Message>
std::optional<Message> PayloadOf(const absl::Status& status, std::string_view type) {
  const auto payload = status.GetPayload({type.data(), type.size()});
  if (!payload.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  auto info = PayloadOf<google::rpc::ErrorInfo>(status, core::kErrorInfoType);
  if (info.has_value() && info->domain() != kDomain) return std::nullopt;
  return info;
}

}  // namespace

ErrorReason ReasonOf(const absl::Status& status) {
  const std::optional<google::rpc::ErrorInfo> info = ErrorInfoOf(status);
  if (!info.has_value()) return ErrorReason::kUnspecified;
  for (const auto& [reason, name] : kReasonNames) {
    if (info->reason() == name) return reason;
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
  const std::optional<google::rpc::ErrorInfo> info = ErrorInfoOf(status);
  if (!info.has_value()) return {};
  return {info->metadata().begin(), info->metadata().end()};
}

namespace core {

absl::Status MakeError(absl::StatusCode code, ErrorReason reason, std::string_view message,
                       const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ErrorReasonName(reason)));
  info.set_domain(std::string(kDomain));
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());

  absl::Status status(code, {message.data(), message.size()});
  status.SetPayload({kErrorInfoType.data(), kErrorInfoType.size()},
                    absl::Cord(info.SerializeAsString()));
  return status;
}

Duration RetryDelayOf(const absl::Status& status) {
  const auto info = PayloadOf<google::rpc::RetryInfo>(status, kRetryInfoType);
  if (!info.has_value()) return Duration::zero();
  // A server that asks for more than a minute is not to be believed. Seconds are cut
  // off before there are too many for a Duration, and a span may have odd nanos.
  constexpr Duration kMax = std::chrono::minutes(1);
  const auto seconds = std::clamp<std::int64_t>(info->retry_delay().seconds(), -60, 60);
  const Duration delay =
      std::chrono::seconds(seconds) + std::chrono::nanoseconds(info->retry_delay().nanos());
  return std::clamp(delay, Duration::zero(), kMax);
}

bool ShouldRetry(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kServerStarting:
    case ErrorReason::kServerStopping:
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
