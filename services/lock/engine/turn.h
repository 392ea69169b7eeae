// One turn of the engine: commands in, one commit, outcomes out.
//
// This is everything between the mailbox and the store, without any thread, so that
// the simulator can drive it. Used by one thread at a time, except for Beat.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TURN_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TURN_H_

#include <vector>

#include "absl/status/status.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/stall_guard.h"

namespace holdfast {

class TurnRunner {
 public:
  // `store` must outlive this.
  TurnRunner(const Limits& limits, LockStore& store) : table_(limits), store_(store) {}

  // Loads the records of the store. To be called once, first. Errors are those of
  // LockStore::Load; also DATA_LOSS if the records contradict each other.
  absl::Status Load(const Now& now);

  // Applies `commands`, then fires the timers that are due, so that a renewal that
  // has arrived counts before its lease lapses. Commit follows.
  void Apply(const std::vector<Command>& commands, const Now& now);

  // How long Commit is likely to wait for a disk. Zero: not at all.
  Duration LikelyWait() const { return store_.LikelyWait(effects_.changes); }

  // Commits the changes, and appends to `deliveries` the outcomes that may now be
  // delivered. After an error nothing may be delivered, and the runner must not be
  // used again.
  absl::Status Commit(std::vector<Delivery>& deliveries);

  // Both.
  absl::Status Run(const std::vector<Command>& commands, const Now& now,
                   std::vector<Delivery>& deliveries) {
    Apply(commands, now);
    return Commit(deliveries);
  }

  // To be called after the outcomes of a Run have been delivered, so that the time
  // they took is not mistaken for a stall.
  void Finished(Instant now) { stall_guard_.TurnEnded(now); }

  // To be called every StallGuard::kHeartbeat, or never, by another thread, which a
  // slow turn does not delay. Thread-safe.
  void Beat(Instant now) { heart_.Beat(now); }

  // The maximum time from `now` to the next turn.
  Duration TimeToNextTurn(Instant now) const;

  const LockTable& table() const { return table_; }

 private:
  LockTable table_;
  LockStore& store_;
  Effects effects_;  // Of Apply, until Commit.
  StallGuard stall_guard_;
  Heart heart_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TURN_H_
