// Decides whether silence may be held against clients.
//
// If this process has been stopped for a while (SIGSTOP, a suspended machine, a
// starved host), renewals that clients sent in time may still lie in the
// sockets, while by the clock the leases have run out. So after a stall nothing
// lapses until there has been time to read them.
//
// A stall shows in two ways: between two turns the engine slept for much longer
// than it ever means to, or a timer is found due much later than it came due. How
// long a turn itself takes says nothing: a slow disk must not keep leases alive
// for ever. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_

#include <chrono>
#include <optional>

#include "services/common/clock.h"

namespace holdfast {

class StallGuard {
 public:
  // The engine wakes at least this often, so that a longer pause means a stall.
  static constexpr Duration kHeartbeat = std::chrono::milliseconds(250);

  // Shorter delays are what a busy machine does every day.
  static constexpr Duration kLate = std::chrono::milliseconds(50);

  // Time to read what has arrived meanwhile. With the heartbeat it stays well
  // within the second that a lease may outlast its holder.
  static constexpr Duration kGrace = std::chrono::milliseconds(500);

  // To be called when a turn begins. True: timers that hold silence against a
  // client may fire. `next_due` is the first of them.
  bool MayFire(Instant now, std::optional<Instant> next_due) {
    const bool overslept = last_end_.has_value() && now - *last_end_ > kHeartbeat + kLate;
    // A timer that came due before the end of a grace is late because of it.
    const bool timer_is_late =
        next_due.has_value() && *next_due > grace_end_ && now - *next_due > kLate;
    if (overslept || timer_is_late) grace_end_ = now + kGrace;
    return now >= grace_end_;
  }

  // To be called when a turn has ended.
  void TurnEnded(Instant now) { last_end_ = now; }

  // When MayFire will be true again, if it was false.
  Instant grace_end() const { return grace_end_; }

 private:
  std::optional<Instant> last_end_;
  Instant grace_end_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_
