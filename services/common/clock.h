// The two clocks of the service.
//
// Everything that decides anything runs on Instant: a monotonic clock that goes
// on while the machine sleeps. The wall clock is for display only; nothing may
// compare two readings of it.
//
// This is the only place of the server that reads a clock; everything else is
// given a Clock, or a Now, so that tests and the simulator choose the time.

#ifndef HOLDFAST_SERVICES_COMMON_CLOCK_H_
#define HOLDFAST_SERVICES_COMMON_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace holdfast {

using Duration = std::chrono::nanoseconds;

// The tag of Instant's time line. It has no now() on purpose.
struct MonotonicTimeline {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = true;
};

// A point on the monotonic time line of this boot of the machine.
using Instant = std::chrono::time_point<MonotonicTimeline, Duration>;

// Nanoseconds since the Unix epoch. For display only.
enum class WallTime : std::int64_t {};

// One reading of both clocks.
struct Now {
  Instant monotonic;
  WallTime wall{};
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now Read() const = 0;
};

// CLOCK_BOOTTIME and CLOCK_REALTIME. Lives for as long as the process.
const Clock& SystemClock();

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_CLOCK_H_
