// The clock of the lock logic, so that tests can choose the time.
//
// clock.cc is the only place of the library that reads one. (A blocked caller's
// condition variable has a time limit of its own, which nothing else sees.)

#ifndef HOLDFAST_CLIENTS_CPP_CORE_CLOCK_H_
#define HOLDFAST_CLIENTS_CPP_CORE_CLOCK_H_

#include "holdfast/time.h"

namespace holdfast::core {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
};

// MonotonicClock. Lives for as long as the process.
const Clock& RealClock();

// `time + span`, where MonotonicTime::max() stands for never and kForever leads
// there. REQUIRES: `time` is not negative.
constexpr MonotonicTime After(MonotonicTime time, Duration span) {
  if (span > MonotonicTime::max() - time) return MonotonicTime::max();
  return time + span;
}

// `later - earlier`, which is kForever if `later` is never.
constexpr Duration Between(MonotonicTime earlier, MonotonicTime later) {
  return later == MonotonicTime::max() ? kForever : later - earlier;
}

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_CLOCK_H_
