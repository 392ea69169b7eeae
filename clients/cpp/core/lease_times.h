// Until when a holder may rely on its lease.
//
// The server lets a lease lapse `elapsed + remaining` after it received the
// call, by its own clock. The client sent the call before that, so by its own
// clock the lease is sure to hold until
//     sent + elapsed + remaining - margin.
// The margin makes up for clocks of different speeds: both spans were measured
// by the server's clock, and this one may be the slower. It grows with the
// spans, so after hours in a queue it may be longer than the whole lease; a
// renewal, whose spans are short, then gives a better deadline.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_TIMES_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_TIMES_H_

#include <optional>

#include "holdfast/time.h"

namespace holdfast::core {

// By how much the speeds of two clocks may differ: 2 in a thousand. A quartz is
// off by up to 1 in ten thousand, and NTP adds or takes off up to 5 in ten
// thousand to set it right; that, on either side, is 1.2 in a thousand.
constexpr Duration DriftOf(Duration span) { return span / 500; }

// On top of that, for the granularity of clocks.
inline constexpr Duration kClockGranularity = std::chrono::milliseconds(2);

// How long before the deadline the loss is signalled, so that it is heard before
// the deadline passes even if this process's threads have to wait for a
// processor: a twentieth of the span, from 1 ms to 250 ms.
Duration LostLead(Duration span);

struct LeaseTimes {
  MonotonicTime deadline;  // Nobody else was granted the lock before this.
  MonotonicTime lost_at;   // When the loss is signalled: a little earlier.

  bool operator==(const LeaseTimes&) const = default;
};

// `sent` is when the call was sent that brought the answer; `elapsed` and
// `remaining` are the answer's. Without `remaining` both times are never.
LeaseTimes ComputeLeaseTimes(MonotonicTime sent, Duration elapsed,
                             std::optional<Duration> remaining);

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_TIMES_H_
