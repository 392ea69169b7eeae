// Decides whether silence may be held against clients.
//
// If this process has been stopped for a while (SIGSTOP, a suspended machine, a
// starved host), renewals that clients sent in time may still lie in the
// sockets, while by the clock the leases have run out. So after a stall nothing
// lapses until there has been time to read them.
//
// A stall shows in three ways: between two turns the engine slept for much longer
// than it ever means to; or, between two turns, a timer came due and was found much
// later; or the heart has missed a beat. The heart is a thread that does nothing else:
// it beats on through a turn that is slow, because of the disk or of much to do, and
// stops only with the process. So how long a turn takes says nothing: meanwhile the
// sockets are read, and a slow disk must not keep leases alive, nor must a backlog of
// timers that fire a few in a turn.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "services/common/clock.h"

namespace holdfast {

// Thread-safe.
class Heart {
 public:
  // The engine wakes at least this often, and the heart beats so often: a longer pause
  // means a stall.
  static constexpr Duration kHeartbeat = std::chrono::milliseconds(250);

  // Shorter delays are what a busy machine does every day.
  static constexpr Duration kLate = std::chrono::milliseconds(50);

  // To be called every kHeartbeat by a thread that nothing holds up; or never.
  void Beat(Instant now) {
    const Instant last = last_beat_.exchange(now);
    if (StopsBetween(last, now)) missed_ = now;
  }

  // The end of the last stall that it has been through; absent if there was none.
  std::optional<Instant> LastStall(Instant now) const {
    if (StopsBetween(last_beat_, now)) return now;
    const Instant missed = missed_;
    if (missed == kNever) return std::nullopt;
    return missed;
  }

 private:
  static constexpr Instant kNever = Instant::min();

  static bool StopsBetween(Instant last, Instant now) {
    return last != kNever && now - last > kHeartbeat + kLate;
  }

  std::atomic<Instant> last_beat_{kNever};
  std::atomic<Instant> missed_{kNever};  // The last beat that came too late.
};

// Thread-compatible.
class StallGuard {
 public:
  static constexpr Duration kHeartbeat = Heart::kHeartbeat;
  static constexpr Duration kLate = Heart::kLate;

  // Time to read what has arrived meanwhile. With the heartbeat it stays well
  // within the second that a lease may outlast its holder.
  static constexpr Duration kGrace = std::chrono::milliseconds(500);

  // To be called when a turn begins. True: timers that hold silence against a
  // client may fire. `next_due` is the first of them, `heart_stopped` Heart::LastStall.
  bool MayFire(Instant now, std::optional<Instant> next_due,
               std::optional<Instant> heart_stopped = std::nullopt) {
    const bool overslept = last_end_.has_value() && now - *last_end_ > kHeartbeat + kLate;
    // During a turn or a grace it could not have fired.
    const bool timer_is_late =
        next_due.has_value() &&
        now - std::max({*next_due, grace_end_, last_end_.value_or(grace_end_)}) > kLate;
    if (overslept || timer_is_late) heart_stopped = now;
    if (heart_stopped.has_value()) grace_end_ = std::max(grace_end_, *heart_stopped + kGrace);
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
