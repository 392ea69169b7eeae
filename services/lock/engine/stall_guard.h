// Decides whether leases may lapse because their clients were silent.
//
// If this process was stopped for a while (SIGSTOP, a suspended machine, a starved
// host), renewals that clients sent in time may still be in the sockets, although by
// the clock the leases have expired. So after a stall nothing lapses until there has
// been time to read them.
//
// A stall shows in one of three ways: between two turns the engine slept much longer
// than it ever intends to; between two turns a timer came due and was found much later;
// or the heartbeat thread missed a beat. That thread does nothing else: it keeps
// beating during a turn that is slow because of the disk or of much work, and stops
// only with the process. So the length of a turn is no sign of a stall: the sockets are
// still being read during it, and neither a slow disk nor a backlog of timers may keep
// leases alive.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_STALL_GUARD_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include "services/common/clock.h"

namespace holdfast {

// Thread-safe, but that one thread at a time may beat.
class Heart {
 public:
  // The engine wakes, and the heart beats, at least this often: a longer pause means a
  // stall.
  static constexpr Duration kHeartbeat = std::chrono::milliseconds(250);

  // Shorter delays are normal on a busy machine.
  static constexpr Duration kLate = std::chrono::milliseconds(50);

  // To be called every kHeartbeat by a thread that nothing delays, or never.
  void Beat(Instant now) {
    // In this order: who sees the new beat sees too that it came late.
    if (StopsBetween(last_beat_, now)) missed_ = now;
    last_beat_ = now;
  }

  // The end of the last stall; absent if there was none.
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

  // Time to read what arrived during the stall. With the heartbeat it stays well within
  // the second that a lease may outlast its holder.
  static constexpr Duration kGrace = std::chrono::milliseconds(500);

  // To be called when a turn begins. True: timers for silent clients may fire.
  // `next_due` is the first of them, `heart_stopped` is Heart::LastStall.
  bool MayFire(Instant now, std::optional<Instant> next_due,
               std::optional<Instant> heart_stopped = std::nullopt) {
    const bool overslept = last_end_.has_value() && now - *last_end_ > kHeartbeat + kLate;
    // It could not have fired during a turn or a grace period.
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
