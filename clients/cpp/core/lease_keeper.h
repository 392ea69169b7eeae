// Keeps one lease while it is held: renews it, if that is wanted, and sees to it
// that its loss is signalled in time.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_KEEPER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_KEEPER_H_

#include <cstdint>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/renewal.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Single-threaded: used in tasks alone.
class LeaseKeeper : public std::enable_shared_from_this<LeaseKeeper> {
 public:
  // Has LeaseCore::SignalLost called, outside of any task and without delay.
  using Signaller = absl::AnyInvocable<void(std::shared_ptr<LeaseCore>)>;

  LeaseKeeper(const Environment& env, std::shared_ptr<LeaseCore> lease, bool auto_renew,
              Signaller signaller);

  void Start();

  // Leaves the lease to itself. Renew calls that are under way end with CANCELLED.
  void Stop();

  // One renewal, tried for up to `limit`. OK: the lease has a new deadline.
  void Renew(Duration limit, absl::AnyInvocable<void(absl::Status)> done);

  // The lease is over; signals that.
  void Lose(const absl::Status& why);

  const std::shared_ptr<LeaseCore>& lease() const { return lease_; }

 private:
  void WatchDeadline();
  void OnDeadlineTimer();
  void ScheduleRenewal();
  void RenewAutomatically();
  void OnRenewed(const absl::StatusOr<LeaseTimes>& answer);
  absl::Status Apply(const absl::StatusOr<LeaseTimes>& answer);
  std::shared_ptr<Renewal> NewRenewal(MonotonicTime give_up_at, Renewal::Answer done);

  const Environment env_;
  const std::shared_ptr<LeaseCore> lease_;
  const bool auto_renew_;
  Signaller signaller_;

  bool stopped_ = false;
  TimerId deadline_timer_;
  TimerId renewal_timer_;
  std::shared_ptr<Renewal> automatic_;                         // Under way, or null.
  std::map<std::uint64_t, std::shared_ptr<Renewal>> by_hand_;  // Under way.
  std::uint64_t last_by_hand_ = 0;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_KEEPER_H_
