#include "clients/cli/run/timetable.h"

#include <algorithm>
#include <chrono>

namespace holdfast::cli {

Duration KillLead(Duration expire) {
  return std::min<Duration>(expire / 10, std::chrono::seconds(2));
}

Duration EndGrace(Duration expire) {
  return std::min<Duration>(expire / 4, std::chrono::seconds(10));
}

Duration LingerTime(Duration expire) {
  return std::min<Duration>(expire / 10, std::chrono::seconds(1));
}

Timetable MakeTimetable(Duration expire, MonotonicTime deadline) {
  return {.check_at = deadline - expire / 2,
          .term_at = deadline - expire / 4,
          .kill_at = deadline - KillLead(expire),
          .backstop_at = deadline - KillLead(expire) / 2};
}

}  // namespace holdfast::cli
