// A lease while it is held, inside the lock table. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_HELD_LEASE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_HELD_LEASE_H_

#include <optional>

#include "services/common/clock.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/timer_queue.h"

namespace holdfast {

struct LockState;

struct HeldLease {
  LeaseRecord record;
  LockState* lock = nullptr;

  Instant began;                 // Of its expire: the grant or the last renewal.
  Instant granted;               // Meaningless where `restored`.
  bool restored = false;         // Loaded from the store: granted before a restart.
  std::optional<TimerId> lapse;  // Set where the lease has an expiry.

  // Has the grant arrived? For certain once the lease has been renewed. Until
  // then `deliveries` counts the answers that carried it and have not been
  // reported undelivered; when none is left, `undelivered` is set, and the lease
  // ends when it fires.
  bool delivered = false;
  int deliveries = 0;
  std::optional<TimerId> undelivered;

  std::optional<Duration> RemainingAt(Instant now) const;
  LeaseView ViewFor(Instant received, const Now& now) const;
  HolderView PublicView(const Now& now) const;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_HELD_LEASE_H_
