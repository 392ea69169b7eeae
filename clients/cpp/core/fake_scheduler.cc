#include "clients/cpp/core/fake_scheduler.h"

#include <algorithm>
#include <cassert>

namespace holdfast::core {

TimerId FakeScheduler::At(MonotonicTime when, Task task) {
  assert(InTask());
  return timers_.Add(when, std::move(task));
}

void FakeScheduler::Cancel(TimerId timer) {
  assert(InTask());
  timers_.Remove(timer);
}

void FakeScheduler::Advance(Duration span) {
  const MonotonicTime end = Now() + span;
  while (timers_.NextTime() <= end) {
    now_ = std::max(Now(), timers_.NextTime()).time_since_epoch().count();
    RunDue();
  }
  now_ = end.time_since_epoch().count();
}

void FakeScheduler::Freeze(Duration span) {
  now_ += span.count();
  RunDue();
}

void FakeScheduler::RunDue() {
  Run([this] {
    while (Task task = timers_.TakeDue(Now())) {
      if (!stopped_) std::move(task)();
    }
  });
}

}  // namespace holdfast::core
