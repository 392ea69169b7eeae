#include "clients/cpp/fake/fake_time.h"

#include <algorithm>
#include <utility>

namespace holdfast::fake {

MonotonicTime FakeTime::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

TimerId FakeTime::Add(TimerOwner owner, MonotonicTime when, core::Task task) {
  MutexLock lock(mutex_);
  const TimerId id{.when = when, .sequence = ++last_sequence_};
  timers_.emplace(id, Timer{.owner = owner, .task = std::move(task)});
  return id;
}

void FakeTime::Remove(TimerId timer) {
  core::Task removed;  // Destroyed outside of the mutex: it may own anything.
  MutexLock lock(mutex_);
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  removed = std::move(found->second.task);
  timers_.erase(found);
}

void FakeTime::RemoveAll(TimerOwner owner) {
  std::map<TimerId, Timer> kept;
  MutexLock lock(mutex_);
  for (auto& [id, timer] : timers_) {
    if (timer.owner != owner) kept.emplace(id, std::move(timer));
  }
  std::swap(timers_, kept);  // What is removed is destroyed last, with `kept`.
  while (running_ == owner) idle_.Wait(mutex_);
}

void FakeTime::Advance(Duration span) {
  MonotonicTime target;
  {
    MutexLock lock(mutex_);
    target = core::After(now_, span);
  }
  for (;;) {
    core::Task task;
    {
      MutexLock lock(mutex_);
      running_ = nullptr;
      idle_.NotifyAll();
      if (timers_.empty() || timers_.begin()->first.when > target) {
        now_ = target;
        return;
      }
      auto due = timers_.extract(timers_.begin());
      now_ = std::max(now_, due.key().when);
      running_ = due.mapped().owner;
      task = std::move(due.mapped().task);
    }
    std::move(task)();
  }
}

void FakeTimeLoop::SetAlarm(MonotonicTime when) {
  time_.Remove(std::exchange(alarm_, {}));
  if (when == MonotonicTime::max()) return;
  alarm_ = time_.Add(this, when, [this] { Run([this] { Ring(); }); });
}

}  // namespace holdfast::fake
