// Timers in the order in which they are due. A plain data structure.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_TASK_TIMERS_H_
#define HOLDFAST_CLIENTS_CPP_CORE_TASK_TIMERS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "clients/cpp/core/scheduler.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Thread-compatible.
class TaskTimers {
 public:
  TimerId Add(MonotonicTime when, Task task) {
    const TimerId id{.when = when, .sequence = ++last_sequence_};
    timers_.emplace(id, std::move(task));
    return id;
  }

  void Remove(TimerId id) { timers_.erase(id); }

  // When the next one is due. MonotonicTime::max(): there is none.
  MonotonicTime NextTime() const {
    return timers_.empty() ? MonotonicTime::max() : timers_.begin()->first.when;
  }

  // Takes out the first one that is due at `now`; null if there is none. Those of
  // the same time come in the order in which they were added.
  Task TakeDue(MonotonicTime now) {
    if (timers_.empty() || timers_.begin()->first.when > now) return nullptr;
    return std::move(timers_.extract(timers_.begin()).mapped());
  }

  std::size_t size() const { return timers_.size(); }

 private:
  std::map<TimerId, Task> timers_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_TASK_TIMERS_H_
