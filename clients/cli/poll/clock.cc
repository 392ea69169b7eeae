#include "clients/cli/poll/clock.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

namespace holdfast::cli {

void Pause(Duration span) { std::this_thread::sleep_for(span); }

Timer::Timer() : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

void Timer::Set(MonotonicTime when) {
  itimerspec setting{};  // All zero: never.
  if (when != MonotonicTime::max()) {
    // A moment that has passed fires at once, except for zero.
    const Duration time = std::max(when.time_since_epoch(), Duration(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    setting.it_value.tv_sec = seconds.count();
    setting.it_value.tv_nsec = (time - seconds).count();
  }
  timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
}

}  // namespace holdfast::cli
