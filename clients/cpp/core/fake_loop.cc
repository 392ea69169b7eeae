#include "clients/cpp/core/fake_loop.h"

#include <algorithm>
#include <cassert>

namespace holdfast::core {

void FakeLoop::SetAlarm(MonotonicTime when) {
  assert(InTask());
  alarm_ = when;
}

void FakeLoop::Advance(Duration span) {
  const MonotonicTime end = Now() + span;
  while (alarm_ <= end) {
    now_ = std::max(Now(), alarm_).time_since_epoch().count();
    RingIfDue();
  }
  now_ = end.time_since_epoch().count();
}

void FakeLoop::Freeze(Duration span) {
  now_ += span.count();
  RingIfDue();
}

void FakeLoop::RingIfDue() {
  if (alarm_ > Now()) return;
  Run([this] {
    alarm_ = MonotonicTime::max();
    if (!stopped_) Ring();
  });
}

}  // namespace holdfast::core
