#include "clients/cpp/core/lease_core.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "clients/cpp/core/errors.h"

namespace holdfast::core {

LeaseCore::LeaseCore(const Clock& clock, Facts facts, LeaseTimes times)
    : clock_(clock), process_(getpid()), facts_(std::move(facts)), times_(times) {}

bool LeaseCore::InOwnProcess() const { return getpid() == process_; }

LeaseState LeaseCore::state() const {
  if (!InOwnProcess()) return LeaseState::kLost;
  MutexLock lock(mutex_);
  LapsedLocked(clock_.Now());
  return state_;
}

LeaseTimes LeaseCore::times() const {
  if (!InOwnProcess()) return {.deadline = MonotonicTime::min(), .lost_at = MonotonicTime::min()};
  MutexLock lock(mutex_);
  return times_;
}

std::stop_token LeaseCore::lost() const {
  if (InOwnProcess()) return lost_.get_token();
  std::stop_source requested;
  requested.request_stop();
  return requested.get_token();
}

absl::Status LeaseCore::status() const {
  if (!InOwnProcess()) {
    return absl::FailedPreconditionError(
        "the lease belongs to the process that this one was forked from");
  }
  return status(clock_.Now());
}

absl::Status LeaseCore::status(MonotonicTime now) const {
  MutexLock lock(mutex_);
  if (!LapsedLocked(now)) return absl::OkStatus();
  if (!why_lost_.ok()) return why_lost_;
  return MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired,
                   "the lease may have lapsed: it was not renewed before its deadline");
}

bool LeaseCore::Extend(LeaseTimes times, MonotonicTime now) {
  MutexLock lock(mutex_);
  if (LapsedLocked(now) || state_ == LeaseState::kReleased) return false;
  state_ = LeaseState::kHeld;
  // Answers may overtake one another.
  times_.deadline = std::max(times_.deadline, times.deadline);
  times_.lost_at = std::max(times_.lost_at, times.lost_at);
  return true;
}

void LeaseCore::MarkUncertain() {
  MutexLock lock(mutex_);
  if (state_ == LeaseState::kHeld) state_ = LeaseState::kUncertain;
}

void LeaseCore::MarkReleased(MonotonicTime now) {
  MutexLock lock(mutex_);
  if (!LapsedLocked(now)) state_ = LeaseState::kReleased;
}

bool LeaseCore::MarkLost(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (state_ == LeaseState::kReleased) return false;
  if (state_ != LeaseState::kLost) why_lost_ = why;
  state_ = LeaseState::kLost;
  return !lost_.stop_requested();
}

bool LeaseCore::HasLapsed(MonotonicTime now) const {
  MutexLock lock(mutex_);
  return LapsedLocked(now);
}

bool LeaseCore::LapsedLocked(MonotonicTime now) const {
  const bool in_force = state_ == LeaseState::kHeld || state_ == LeaseState::kUncertain;
  if (in_force && now >= times_.lost_at) state_ = LeaseState::kLost;
  return state_ == LeaseState::kLost;
}

}  // namespace holdfast::core
