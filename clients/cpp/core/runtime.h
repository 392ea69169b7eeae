// What a client runs on: a loop for its own logic, and threads for the code of its user.
//
//   thread             runs
//   ─────────────────  ──────────────────────────────────────────────────────────
//   any                tasks of the loop (loop.h)
//   holdfast-timer     the loop's alarm
//   holdfast-calls     callbacks and coroutines
//   holdfast-lost      what is registered on Lease::lost()
//   the caller's       waits in a Handover, if the call blocks
//
// The user's code may block, so it never runs in a task; and lost signals do not wait for
// callbacks.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RUNTIME_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RUNTIME_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "clients/cpp/core/loop.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"

namespace holdfast::core {

// Names a thread among all that this process has ever had, unlike std::thread::id, which is
// given out again. 0 names none.
using ThreadNumber = std::uint64_t;
ThreadNumber ThisThread();

// Where a blocking call waits for the result of an asynchronous one. Thread-safe. Shared by
// both sides, so that the waiting one may give up.
template <typename T>
class Handover {
 public:
  // Called once.
  void Set(T value) {
    MutexLock lock(mutex_);
    value_.emplace(std::move(value));
    set_.NotifyAll();
  }

  // The value. Called once, by one thread.
  T Wait() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) set_.Wait(mutex_);
    return *std::move(value_);
  }

  // The value, or nothing after `limit`. Called instead of Wait.
  std::optional<T> WaitFor(std::chrono::nanoseconds limit) {
    MutexLock lock(mutex_);
    set_.WaitFor(mutex_, limit, [this]() REQUIRES(mutex_) { return value_.has_value(); });
    return std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar set_;
  std::optional<T> value_ GUARDED_BY(mutex_);
};

// A thread that runs tasks one after another, in the order in which they came. Thread-safe.
class Worker {
 public:
  // RESOURCE_EXHAUSTED: there can be no more threads.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(const std::string& thread_name);

  // Calls Stop.
  ~Worker();

  void Post(Task task);

  // Waits until everything that was posted before has run. Returns at once on the
  // worker's own thread.
  void Flush();

  // Runs what was posted and ends the thread. On the worker's own thread it
  // does not wait for that. What is posted later runs on the poster's thread.
  void Stop();

 private:
  // Outlives the worker if one of its own tasks destroys it.
  struct State {
    Mutex mutex;
    CondVar changed;
    std::deque<Task> tasks GUARDED_BY(mutex);
    bool stopping GUARDED_BY(mutex) = false;
  };

  explicit Worker(std::shared_ptr<State> state) : state_(std::move(state)) {}

  static void RunTasks(State& state);

  const std::shared_ptr<State> state_;
  std::thread thread_;
};

// The loop of real life: one thread waits for the alarm. Thread-safe.
//
// The thread sleeps on a timerfd of the same clock that the deadlines are
// measured on, which goes on while the machine sleeps; a condition variable's
// clock does not, and would signal a lost lease late by as long as that.
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

// Thread-safe.
class Runtime {
 public:
  // RESOURCE_EXHAUSTED: there can be no more threads.
  static absl::StatusOr<std::unique_ptr<Runtime>> Create(std::unique_ptr<Loop> loop);

  Loop& loop() { return *loop_; }
  const Loop& loop() const { return *loop_; }
  Worker& callbacks() { return *callbacks_; }
  Worker& signals() { return *signals_; }

  // Runs `task` in the loop, and waits for that. REQUIRES: not in a task.
  void RunAndWait(Task task);

  // No timer fires any more, and the user's code that was posted has run. REQUIRES: not in
  // a task.
  void Stop();

 private:
  Runtime(std::unique_ptr<Loop> loop, std::unique_ptr<Worker> callbacks,
          std::unique_ptr<Worker> signals)
      : loop_(std::move(loop)), callbacks_(std::move(callbacks)), signals_(std::move(signals)) {}

  const std::unique_ptr<Loop> loop_;
  const std::unique_ptr<Worker> callbacks_;
  const std::unique_ptr<Worker> signals_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RUNTIME_H_
