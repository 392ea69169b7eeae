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
  const std::uint64_t set_before =
      std::exchange(timers_set_, call_timeouts_.set_ever() + silence_timers_.set_ever());
  std::uint64_t budget = kTimersAtOnce + (timers_set_ - set_before);
  for (; budget > 0; --budget) {
    const std::optional<CallId> call = call_timeouts_.PopDue(now.monotonic);
    if (!call.has_value()) break;
    FireCallTimeout(*call, now, effects);
  }
  for (; expiry == Expiry::kActive && budget > 0; --budget) {
    const std::optional<SilenceTimer> timer = silence_timers_.PopDue(now.monotonic);
    if (!timer.has_value()) break;
    FireSilence(*timer, now, effects);
  }
  ids_.Prune(now.monotonic, effects.changes);
  reporter_.Run(now, effects.deliveries);
}

void LockTable::FireCallTimeout(CallId call, const Now& now, Effects& effects) {
  // With all of its calls: who is told that the time is up counts on it that no grant
  // to the id follows, and does not know of every call that carries it.
  EndWaiter(*waiting_calls_.at(call), EndCause::kTimedOut, now, effects);
}

void LockTable::FireSilence(const SilenceTimer& timer, const Now& now, Effects& effects) {
  std::visit(
      [&](const auto& fired) {
        using Timer = std::decay_t<decltype(fired)>;
        if constexpr (std::is_same_v<Timer, Lapse>) {
          fired.lease->lapse.reset();
          EndLease(*fired.lease, EndCause::kExpired, now, effects);
        } else if constexpr (std::is_same_v<Timer, DeliveryWindowEnd>) {
          fired.lease->undelivered.reset();
          EndLease(*fired.lease, EndCause::kCancelled, now, effects);
        } else {
          fired.waiter->park_end.reset();
          EndWaiter(*fired.waiter, EndCause::kCancelled, now, effects);
        }
      },
      timer);
}

std::optional<Instant> LockTable::NextPromptTimer() const {
  std::optional<Instant> next;
  for (const std::optional<Instant>& due :
       {call_timeouts_.NextDue(), reporter_.NextDue(), ids_.NextPrune()}) {
    if (due.has_value() && (!next.has_value() || *due < *next)) next = due;
  }
  return next;
}

TableStats LockTable::stats() const {
  return {.locks = locks_.size(),
          .leases = ids_.leases(),
          .waiters = ids_.waiters(),
          .open_calls = waiting_calls_.size(),
          .watches = watches_.size(),
          .timers = silence_timers_.size() + call_timeouts_.size(),
          .ended_ids = ids_.ended()};
}

}  // namespace holdfast
