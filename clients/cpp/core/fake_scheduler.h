// A scheduler whose time stands still until the test lets it pass.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_FAKE_SCHEDULER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_FAKE_SCHEDULER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <utility>

#include "clients/cpp/core/scheduler.h"
#include "clients/cpp/core/serial_queue.h"
#include "clients/cpp/core/task_timers.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Time passes on one thread, outside of tasks; the rest is thread-safe.
class FakeScheduler final : public Scheduler {
 public:
  MonotonicTime Now() const override { return MonotonicTime(Duration(now_.load())); }
  void Run(Task task) override { queue_.Run(std::move(task)); }
  bool InTask() const override { return queue_.RunningHere(); }
  TimerId At(MonotonicTime when, Task task) override;
  void Cancel(TimerId timer) override;
  void Stop() override { stopped_ = true; }

  // Lets time pass; each timer on the way runs when it is due.
  void Advance(Duration span);

  // Lets time pass while the process is stopped: whatever was due on the way runs at
  // the end, late.
  void Freeze(Duration span);

  std::size_t timers() const { return timers_.size(); }

 private:
  void RunDue();

  SerialQueue queue_;
  TaskTimers timers_;
  std::atomic<bool> stopped_{false};
  // An hour after boot, so that moments before this are moments too.
  std::atomic<Duration::rep> now_{Duration(std::chrono::hours(1)).count()};
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_FAKE_SCHEDULER_H_
