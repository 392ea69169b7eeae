#include "holdfast/lease.h"

#include "clients/cpp/core/lease_core.h"

namespace holdfast {

std::uint64_t Lease::fencing_token() const { return core_->facts().fencing_token; }
const std::string& Lease::key() const { return core_->facts().key; }
const std::string& Lease::lease_id() const { return core_->facts().lease_id; }
std::optional<Duration> Lease::expire() const { return core_->facts().expire; }
MonotonicTime Lease::deadline() const { return core_->times().deadline; }
LeaseState Lease::state() const { return core_->state(); }
std::stop_token Lease::lost() const { return core_->lost(); }
absl::Status Lease::status() const { return core_->status(); }

bool Lease::valid() const {
  const LeaseState now = state();
  return now == LeaseState::kHeld || now == LeaseState::kUncertain;
}

}  // namespace holdfast
