// The part of the lock table that time drives.

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "services/lock/engine/lock_table.h"

namespace holdfast {

void LockTable::FireTimers(const Now& now, Expiry expiry, Effects& effects) {
  const std::uint64_t set_ever = call_timeouts_.set_ever() + silence_timers_.set_ever();
  const std::uint64_t set_before = std::exchange(timers_set_, set_ever - timers_reset_);
  std::uint64_t budget = kTimersAtOnce + (timers_set_ - set_before);
  for (; budget > 0; --budget) {
    const std::optional<CallId> call = call_timeouts_.PopDue(now.monotonic);
    if (!call.has_value()) break;
    FireCallTimeout(*call, now, effects);
  }
  int resets = kTimersResetAtOnce;
  while (expiry == Expiry::kActive && budget > 0 && resets > 0) {
    const std::optional<SilenceTimer> timer = silence_timers_.PopDue(now.monotonic);
    if (!timer.has_value()) break;
    if (FireSilence(*timer, now, effects)) {
      --budget;
    } else {
      --resets;
    }
  }
  EndUnlisted(now, effects);
  ids_.Prune(now.monotonic, effects.changes);
  reporter_.Run(now, effects.deliveries);
}

void LockTable::FireCallTimeout(CallId call, const Now& now, Effects& effects) {
  // With all of its calls: who is told that the time is up counts on it that no grant
  // to the id follows, and does not know of every call that carries it.
  EndWaiter(*waiting_calls_.at(call), EndCause::kTimedOut, now, effects);
}

// False: it was too early, and the timer has been set again.
bool LockTable::FireLapse(HeldLease& lease, const Now& now, Effects& effects) {
  lease.lapse.reset();
  const Instant lapses = *lease.Lapses();
  if (lapses > now.monotonic) {
    ++timers_reset_;
    lease.lapse = silence_timers_.Set(lapses, Lapse{&lease});
    return false;
  }
  EndLease(lease, EndCause::kExpired, News::kForSession, now, effects);
  return true;
}

// False: nothing came of it but the same timer again.
bool LockTable::FireSilence(const SilenceTimer& timer, const Now& now, Effects& effects) {
  return std::visit(
      [&](const auto& fired) {
        using Timer = std::decay_t<decltype(fired)>;
        if constexpr (std::is_same_v<Timer, Lapse>) {
          return FireLapse(*fired.lease, now, effects);
        } else if constexpr (std::is_same_v<Timer, DeliveryWindowEnd>) {
          fired.lease->undelivered.reset();
          EndLease(*fired.lease, EndCause::kCancelled, News::kForSession, now, effects);
        } else if constexpr (std::is_same_v<Timer, ParkEnd>) {
          fired.waiter->park_end.reset();
          EndWaiter(*fired.waiter, EndCause::kCancelled, now, effects);
        } else if constexpr (std::is_same_v<Timer, SessionWindowEnd>) {
          fired.session->window_end.reset();
          if (fired.session->members == 0) silence_timers_.Cancel(fired.session->bound_end);
          sessions_.Forget(*fired.session, now.monotonic);
        } else {
          FireBoundEnd(*fired.session, now, effects);
        }
        return true;
      },
      timer);
}

std::optional<Instant> LockTable::NextPromptTimer() const {
  std::optional<Instant> next;
  for (const std::optional<Instant>& due :
       {call_timeouts_.NextDue(), reporter_.NextDue(), ids_.NextPrune()}) {
    if (due.has_value() && (!next.has_value() || *due < *next)) next = due;
  }
  if (!unlisted_.empty()) next = Instant();  // At once.
  return next;
}

TableStats LockTable::stats() const {
  return {.locks = locks_.size(),
          .leases = ids_.leases(),
          .waiters = ids_.waiters(),
          .open_calls = waiting_calls_.size(),
          .watches = watches_.size(),
          .timers = silence_timers_.size() + call_timeouts_.size(),
          .sessions = sessions_.size(),
          .streams = sessions_.streams().size(),
          .ended_ids = ids_.ended(),
          .ended_ids_awaited = ids_.awaited(),
          .ended_ids_acknowledged = ids_.acknowledged(),
          .oldest_ended = ids_.oldest_retained(),
          .forgotten_acknowledged = ids_.forgotten_acknowledged(),
          .forgotten_early = ids_.forgotten_early()};
}

}  // namespace holdfast
