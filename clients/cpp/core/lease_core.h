// What is known about one grant, for everybody who looks at it.
//
// This is where held, uncertain and lost are told apart; it does nothing by
// itself. The lease table reports renewals and failures, and has the loss signalled when
// the time has come. It says what time it is; the clock is for those who look.
//
// A lease is its process's. In a forked child it looks lost, from the start and without
// anything being touched that a thread of the parent's may have held in that moment.
//
// Invariants: the deadline only moves on; a lease that was lost, or looked lost to
// anybody once, stays lost, whatever answer arrives late.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_CORE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/lease_times.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lease.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Thread-safe.
class LeaseCore {
 public:
  struct Facts {
    std::string key;
    std::string lease_id;
    std::uint64_t fencing_token = 0;
    std::optional<Duration> expire;
  };

  // `clock` outlives the lease.
  LeaseCore(const Clock& clock, Facts facts, LeaseTimes times);

  const Facts& facts() const { return facts_; }

  LeaseState state() const;
  LeaseTimes times() const;
  absl::Status status() const;
  std::stop_token lost() const;

  // For the lease table. As status().
  absl::Status status(MonotonicTime now) const;

  // A renewal succeeded. False: too late, the lease is lost.
  bool Extend(LeaseTimes times, MonotonicTime now);

  // A renewal failed, or may have.
  void MarkUncertain();

  // We gave it back: it cannot be lost any more.
  void MarkReleased(MonotonicTime now);

  // It is over. False: it was already, and was released or signalled.
  bool MarkLost(const absl::Status& why);

  // Whether lost_at has passed; if so the lease is lost now.
  bool HasLapsed(MonotonicTime now) const;

  // Tells those who listen on lost(). Runs their code: never call it in a task.
  void SignalLost() { lost_.request_stop(); }

 private:
  bool LapsedLocked(MonotonicTime now) const REQUIRES(mutex_);
  bool InOwnProcess() const;

  const Clock& clock_;
  const pid_t process_;
  const Facts facts_;
  std::stop_source lost_;

  mutable Mutex mutex_;
  LeaseTimes times_ GUARDED_BY(mutex_);
  // Looking at a lease whose time has passed makes it lost, so that nobody can see
  // it come back to life.
  mutable LeaseState state_ GUARDED_BY(mutex_) = LeaseState::kHeld;
  absl::Status why_lost_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_CORE_H_
