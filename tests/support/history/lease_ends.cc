#include "tests/support/history/lease_ends.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

// Whether no other acquire of the lease may have been waiting when this one timed out.
bool WaitedAlone(const Digest& digest, const LeaseDigest& lease, const Operation& operation) {
  if (digest.rules().requests_may_repeat) return false;
  return std::all_of(lease.operations.begin(), lease.operations.end(), [&](std::size_t index) {
    const Operation& other = digest.operations()[index];
    return other.kind != Kind::kAcquire || other.called == operation.called ||
           other.called > operation.end || (digest.Answered(other) && other.end < operation.called);
  });
}

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
      } else if (digest.RefusedFor(operation, Reason::kWaitTimeout) &&
                 WaitedAlone(digest, lease, operation)) {
        Consider(operation.end, EndCause::kReleased, ends[index]);
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
