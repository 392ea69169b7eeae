// A lease that is given back at the end of a scope.

#ifndef HOLDFAST_SCOPED_LEASE_H_
#define HOLDFAST_SCOPED_LEASE_H_

#include <memory>

#include "holdfast/lease.h"

namespace holdfast {

namespace core {
class LockCore;
}  // namespace core

// Releases its lease when destroyed, unless the lock has released it before. A
// SyncLock's waits for the server's answer, but not for longer than half a
// second; an AsyncLock's never waits. Either way the release is tried again in
// the background until it gets through.
//
// Whether the lease was still ours to the end, only Release of the lock can
// tell. Thread-compatible.
class ScopedLease {
 public:
  ScopedLease(ScopedLease&& other) noexcept;
  ScopedLease& operator=(ScopedLease&& other) noexcept;
  ~ScopedLease();

  const Lease& operator*() const { return lease_; }
  const Lease* operator->() const { return &lease_; }

  // Leaves the lease to the lock: the scope will not end it.
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
