// Time that a test lets pass, for a server and all of its clients together.

#ifndef HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_
#define HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_

#include <compare>
#include <cstdint>
#include <map>
#include <memory>

#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/loop.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/time.h"

namespace holdfast::fake {

// Whose timers they are. Compared, never looked into.
using TimerOwner = const void*;

// Names a timer. The default names none.
struct TimerId {
  MonotonicTime when;
  std::uint64_t sequence = 0;

  auto operator<=>(const TimerId&) const = default;
};

// Thread-safe.
class FakeTime final : public core::Clock {
 public:
  MonotonicTime Now() const override;

  // Has `task` run when it is `when`, on the thread that lets time pass.
  TimerId Add(TimerOwner owner, MonotonicTime when, core::Task task);
  void Remove(TimerId timer);

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
  std::map<TimerId, Timer> timers_ GUARDED_BY(mutex_);
  std::uint64_t last_sequence_ GUARDED_BY(mutex_) = 0;
  TimerOwner running_ GUARDED_BY(mutex_) = nullptr;
};

// A client's loop on such time. Thread-safe.
class FakeTimeLoop final : public core::Loop {
 public:
  // `time` outlives it.
  explicit FakeTimeLoop(FakeTime& time) : time_(time) {}
  ~FakeTimeLoop() override { Stop(); }

  MonotonicTime Now() const override { return time_.Now(); }
  void SetAlarm(MonotonicTime when) override;
  void Stop() override { time_.RemoveAll(this); }

 private:
  FakeTime& time_;
  TimerId alarm_;  // Touched in tasks alone.
};

}  // namespace holdfast::fake

#endif  // HOLDFAST_CLIENTS_CPP_FAKE_FAKE_TIME_H_
