// The loop of real life: one thread waits for the alarm.
//
// The thread sleeps on a timerfd of the same clock that the deadlines are
// measured on, which goes on while the machine sleeps; a condition variable's
// clock does not, and would signal a lost lease late by as long as that.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_THREAD_LOOP_H_
#define HOLDFAST_CLIENTS_CPP_CORE_THREAD_LOOP_H_

#include <atomic>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "clients/cpp/core/loop.h"

namespace holdfast::core {

// Thread-safe.
class ThreadLoop final : public Loop {
 public:
  // RESOURCE_EXHAUSTED: no thread or file descriptor was to be had.
  static absl::StatusOr<std::unique_ptr<ThreadLoop>> Create();

  // Calls Stop.
  ~ThreadLoop() override;

  MonotonicTime Now() const override { return RealClock().Now(); }
  void SetAlarm(MonotonicTime when) override;
  void Stop() override;

 private:
  explicit ThreadLoop(int timer_fd) : timer_fd_(timer_fd) {}

  void WaitForAlarms();
  void OnExpired();
  void Arm(MonotonicTime when);

  const int timer_fd_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  // Touched in tasks alone, so by one thread at a time.
  MonotonicTime armed_for_ = MonotonicTime::max();
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_THREAD_LOOP_H_
