// One lock inside the lock table: who holds it and who waits. It exists for as
// long as there is either. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "services/common/clock.h"
#include "services/lock/engine/held_lease.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/timer_queue.h"
#include "services/lock/engine/wait_queue.h"

namespace holdfast {

// How far the QueueReporter has got with a lock.
struct ReportState {
  std::optional<TimerId> next;  // Set while there is something to report.
  bool changed = false;         // Since the sweep began.
  Instant sweep_began;
  std::uint64_t cursor = 0;    // Sequence of the waiter told last; 0: none yet.
  std::uint32_t position = 0;  // Its position.
};

struct LockState {
  std::string key;
  // A list, although an exclusive lock has at most one: shared modes and permits
  // will have more.
  std::vector<HeldLease*> holders;
  WaitQueue queue;
  ReportState report;

  bool is_free() const { return holders.empty(); }

  // The token of the present holder; 0 if there is none.
  std::uint64_t current_token() const {
    return holders.empty() ? 0 : holders.front()->record.fencing_token;
  }

  std::vector<HolderView> HolderViews(const Now& now) const;

  // With the first `max_waiters` of those who wait.
  LockView View(const Now& now, std::size_t max_waiters) const;
};

// In the byte order of the keys.
using LockMap = absl::btree_map<std::string, std::unique_ptr<LockState>>;

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_
