// Timers in the order in which they come due; ties in the order in which they
// were set.
//
// A timer's owner keeps its TimerId and cancels it before the target goes away.
// Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TIMER_QUEUE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TIMER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "services/common/clock.h"

namespace holdfast {

struct TimerId {
  Instant due;
  std::uint64_t sequence = 0;

  auto operator<=>(const TimerId&) const = default;
};

template <typename Target>
class TimerQueue {
 public:
  TimerId Set(Instant due, Target target) {
    const TimerId id{.due = due, .sequence = next_sequence_++};
    timers_.emplace(id, std::move(target));
    return id;
  }

  // Cancels `id`, if it is set, and clears it.
  void Cancel(std::optional<TimerId>& id) {
    if (id.has_value()) timers_.erase(*id);
    id.reset();
  }

  std::optional<Instant> NextDue() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.due;
  }

  // Removes and returns the target of the first timer due at `now`, if there is
  // one.
  std::optional<Target> PopDue(Instant now) {
    if (timers_.empty() || timers_.begin()->first.due > now) return std::nullopt;
    Target target = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    return target;
  }

  std::size_t size() const { return timers_.size(); }

  // How many have ever been set.
  std::uint64_t set_ever() const { return next_sequence_; }

 private:
  absl::btree_map<TimerId, Target> timers_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TIMER_QUEUE_H_
