// The scheduler of real life: a serial queue, and one thread that waits for the
// next timer.
//
// The thread sleeps on a timerfd of the same clock that the deadlines are
// measured on, which goes on while the machine sleeps; a condition variable's
// clock does not, and would signal a lost lease late by as long as that.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_THREAD_SCHEDULER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_THREAD_SCHEDULER_H_

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "clients/cpp/core/scheduler.h"
#include "clients/cpp/core/serial_queue.h"
#include "clients/cpp/core/task_timers.h"

namespace holdfast::core {

// Thread-safe.
class ThreadScheduler final : public Scheduler {
 public:
  // RESOURCE_EXHAUSTED: no thread or file descriptor was to be had.
  static absl::StatusOr<std::unique_ptr<ThreadScheduler>> Create();

  // Calls Stop.
  ~ThreadScheduler() override;

  MonotonicTime Now() const override { return RealClock().Now(); }
  void Run(Task task) override { queue_.Run(std::move(task)); }
  bool InTask() const override { return queue_.RunningHere(); }
  TimerId At(MonotonicTime when, Task task) override;
  void Cancel(TimerId timer) override;
  void Stop() override;

 private:
  explicit ThreadScheduler(int timer_fd) : timer_fd_(timer_fd) {}

  void WaitForTimers();
  void RunDue();
  void Arm(MonotonicTime when);

  const int timer_fd_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  SerialQueue queue_;

  // Touched in tasks alone, so by one thread at a time.
  TaskTimers timers_;
  MonotonicTime armed_for_ = MonotonicTime::max();
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_THREAD_SCHEDULER_H_
