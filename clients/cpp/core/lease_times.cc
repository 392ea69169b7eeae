#include "clients/cpp/core/lease_times.h"

#include <algorithm>
#include <chrono>

#include "clients/cpp/core/clock.h"

namespace holdfast::core {

Duration LostLead(Duration span) {
  using std::chrono::milliseconds;
  return std::clamp<Duration>(span / 20, milliseconds(1), milliseconds(250));
}

LeaseTimes ComputeLeaseTimes(MonotonicTime sent, Duration elapsed,
                             std::optional<Duration> remaining) {
  if (!remaining.has_value()) {
    return {.deadline = MonotonicTime::max(), .lost_at = MonotonicTime::max()};
  }
  // A server that claims negative spans is out of order; nothing follows from them.
  const Duration waited = std::max(elapsed, Duration::zero());
  const Duration left = std::max(*remaining, Duration::zero());
  const Duration margin = DriftOf(waited) + DriftOf(left) + kClockGranularity;
  const MonotonicTime deadline = After(After(sent, waited), left) - margin;
  return {.deadline = deadline, .lost_at = deadline - LostLead(left)};
}

}  // namespace holdfast::core
