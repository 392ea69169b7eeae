// Time that a test lets pass, for a server and all of its clients together.

#ifndef HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_
#define HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_

#include <cstdint>
#include <map>
#include <memory>

#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/scheduler.h"
#include "clients/cpp/core/serial_queue.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/time.h"

namespace holdfast::fake {

// Whose timers they are. Compared, never looked into.
using TimerOwner = const void*;

// Thread-safe.
class FakeTime final : public core::Clock {
 public:
  MonotonicTime Now() const override;

  // Has `task` run when it is `when`, on the thread that lets time pass.
  core::TimerId Add(TimerOwner owner, MonotonicTime when, core::Task task);
  void Remove(core::TimerId timer);

  // Drops the owner's timers, and waits for the one that runs.
  void RemoveAll(TimerOwner owner);

  // Each timer on the way runs when it is due.
  void Advance(Duration span);

 private:
  struct Timer {
    TimerOwner owner = nullptr;
    core::Task task;
  };

  mutable Mutex mutex_;
  CondVar idle_;
  // An hour after boot, so that moments before this are moments too.
  MonotonicTime now_ GUARDED_BY(mutex_) = MonotonicTime(std::chrono::hours(1));
  std::map<core::TimerId, Timer> timers_ GUARDED_BY(mutex_);
  std::uint64_t last_sequence_ GUARDED_BY(mutex_) = 0;
  TimerOwner running_ GUARDED_BY(mutex_) = nullptr;
};

// A client's scheduler on such time. Thread-safe.
class FakeTimeScheduler final : public core::Scheduler {
 public:
  // `time` outlives it.
  explicit FakeTimeScheduler(FakeTime& time) : time_(time) {}
  ~FakeTimeScheduler() override { Stop(); }

  MonotonicTime Now() const override { return time_.Now(); }
  void Run(core::Task task) override { queue_.Run(std::move(task)); }
  bool InTask() const override { return queue_.RunningHere(); }
  core::TimerId At(MonotonicTime when, core::Task task) override;
  void Cancel(core::TimerId timer) override { time_.Remove(timer); }
  void Stop() override { time_.RemoveAll(this); }

 private:
  FakeTime& time_;
  core::SerialQueue queue_;
};

}  // namespace holdfast::fake

#endif  // HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_
