// A loop whose time stands still until the test lets it pass.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_FAKE_LOOP_H_
#define HOLDFAST_CLIENTS_CPP_CORE_FAKE_LOOP_H_

#include <atomic>
#include <chrono>

#include "clients/cpp/core/loop.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Time passes on one thread, outside of tasks; the rest is thread-safe.
class FakeLoop final : public Loop {
 public:
  MonotonicTime Now() const override { return MonotonicTime(Duration(now_.load())); }
  void SetAlarm(MonotonicTime when) override;
  void Stop() override { stopped_ = true; }

  // Lets time pass; the alarm rings each time that it is set for on the way.
  void Advance(Duration span);

  // Lets time pass while the process is stopped: the alarm rings at the end, late.
  void Freeze(Duration span);

  // When the alarm is to ring; and whether it is.
  MonotonicTime alarm() const { return alarm_; }
  bool waits() const { return alarm_ != MonotonicTime::max(); }

 private:
  void RingIfDue();

  MonotonicTime alarm_ = MonotonicTime::max();
  std::atomic<bool> stopped_{false};
  // An hour after boot, so that moments before this are moments too.
  std::atomic<Duration::rep> now_{Duration(std::chrono::hours(1)).count()};
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_FAKE_LOOP_H_
