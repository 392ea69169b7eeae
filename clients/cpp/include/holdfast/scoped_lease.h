// A lease that is released at the end of a scope.

#ifndef HOLDFAST_SCOPED_LEASE_H_
#define HOLDFAST_SCOPED_LEASE_H_

#include <memory>

#include "holdfast/lease.h"

namespace holdfast {

namespace core {
class LockCore;
}  // namespace core

// Releases its lease when destroyed, unless the lock has already released it.
// With a SyncLock it waits up to half a second for the server's answer; with an
// AsyncLock it does not wait. Either way the release is retried in the background
// until it succeeds.
//
// It cannot report whether the lease was held to the end; only the lock's Release
// can. Thread-compatible.
class ScopedLease {
 public:
  ScopedLease(ScopedLease&& other) noexcept;
  ScopedLease& operator=(ScopedLease&& other) noexcept;
  ~ScopedLease();

  const Lease& operator*() const { return lease_; }
  const Lease* operator->() const { return &lease_; }

  // Gives the lease back to the lock: the scope will not end it.
  Lease Detach() &&;

  // For the library: scoped leases come from locks.
  enum class AtEnd { kWait, kDoNotWait };
  ScopedLease(std::shared_ptr<core::LockCore> lock, Lease lease, AtEnd at_end);

 private:
  void End() noexcept;

  std::shared_ptr<core::LockCore> lock_;  // Null: nothing to release.
  Lease lease_;
  AtEnd at_end_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SCOPED_LEASE_H_
