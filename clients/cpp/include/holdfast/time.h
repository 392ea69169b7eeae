// Time in this library.
//
// Spans are std::chrono durations. Moments are readings of MonotonicClock, which
// no administrator sets and which keeps counting while the machine sleeps. Only
// such a clock may decide whether a lease is still valid: the wall clock can
// jump, and std::chrono::steady_clock stops while the machine sleeps.

#ifndef HOLDFAST_TIME_H_
#define HOLDFAST_TIME_H_

#include <chrono>

namespace holdfast {

// A span of time, with a resolution of one nanosecond. Every std::chrono
// literal converts to it: `10s`, `250ms`.
using Duration = std::chrono::nanoseconds;

// As a timeout: wait without limit.
inline constexpr Duration kForever = Duration::max();

// Converts floating-point seconds. Infinity, and any value that is too large,
// becomes kForever. REQUIRES: `seconds` is not NaN.
constexpr Duration Seconds(double seconds) {
  constexpr double kLargest = 9.2e9;  // About 292 years.
  if (seconds >= kLargest) return kForever;
  if (seconds <= -kLargest) return Duration::min();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// CLOCK_BOOTTIME. Meets the standard's Clock requirements, so its moments work
// with std::chrono; they mean nothing on another machine or after a reboot.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;

  // Thread-safe.
  static time_point now() noexcept;
};

using MonotonicTime = MonotonicClock::time_point;

}  // namespace holdfast

#endif  // HOLDFAST_TIME_H_
