// Time, as this library understands it.
//
// Spans are std::chrono durations. Moments are readings of MonotonicClock: a
// clock that no administrator sets and that goes on while the machine sleeps.
// Only such a clock may decide whether a lease still holds: the wall clock
// steps, and std::chrono::steady_clock stands still while the machine sleeps.

#ifndef HOLDFAST_TIME_H_
#define HOLDFAST_TIME_H_

#include <chrono>

namespace holdfast {

// A span of time, with a resolution of one nanosecond. Every std::chrono
// literal converts to it: `10s`, `250ms`.
using Duration = std::chrono::nanoseconds;

// As a timeout: wait for as long as it takes.
inline constexpr Duration kForever = Duration::max();

// A number of seconds, for those who compute with floating point. Infinity, and
// whatever else is too large, is kForever. REQUIRES: `seconds` is a number.
constexpr Duration Seconds(double seconds) {
  constexpr double kLargest = 9.2e9;  // About 292 years.
  if (seconds >= kLargest) return kForever;
  if (seconds <= -kLargest) return Duration::min();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// CLOCK_BOOTTIME. Meets the standard's requirements of a clock, so its moments
// work with std::chrono; they mean nothing on another machine or after a
// restart of this one.
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
