#include "tests/support/history/lease_ends.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

void Consider(std::size_t event, EndCause cause, LeaseEnd& end) {
  end.shown = std::min(end.shown, event);
  if (cause != EndCause::kNotSaid && event < end.cause_shown) {
    end.cause_shown = event;
    end.cause = cause;
  }
}

}  // namespace

std::optional<EndCause> EndShownBy(const Digest& digest, const Operation& operation) {
  if (digest.As<Released>(operation.end) != nullptr) return EndCause::kReleased;
  const auto* refused = digest.As<Refused>(operation.end);
  if (refused == nullptr) return std::nullopt;
  switch (refused->reason) {
    case Reason::kWaitTimeout:
      return EndCause::kReleased;
    case Reason::kLeaseExpired:
      return EndCause::kExpired;
    case Reason::kLeaseForced:
      return EndCause::kForced;
    case Reason::kLeaseEnded:
      return operation.kind == Kind::kAcquire ? EndCause::kNotSaid : EndCause::kReleased;
    case Reason::kLeaseNotFound:
      // A release of an unknown id ends it.
      if (operation.kind == Kind::kRelease) return EndCause::kReleased;
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::vector<LeaseEnd> EndsOf(const Digest& digest) {
  absl::flat_hash_map<std::uint64_t, std::size_t> forced;  // By token: the first answer.
  for (const Operation& operation : digest.operations()) {
    if (digest.As<Forced>(operation.end) == nullptr) continue;
    const auto found = forced.try_emplace(digest.TokenTold(operation.end), operation.end).first;
    found->second = std::min(found->second, operation.end);
  }
  std::vector<LeaseEnd> ends(digest.leases().size());
  for (std::size_t index = 0; index < ends.size(); ++index) {
    const LeaseDigest& lease = digest.leases()[index];
    for (const std::size_t of_lease : lease.operations) {
      const Operation& operation = digest.operations()[of_lease];
      if (const auto cause = EndShownBy(digest, operation)) {
        Consider(operation.end, *cause, ends[index]);
      }
    }
    if (lease.told == kNone) continue;
    if (const auto found = forced.find(lease.token); found != forced.end()) {
      Consider(found->second, EndCause::kForced, ends[index]);
    }
  }
  return ends;
}

}  // namespace holdfast::history
