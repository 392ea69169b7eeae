// Log lines that clients can cause as often as they like: each is written when it first
// happens, and then once every ten seconds at the most, with the number of times since.

#ifndef HOLDFAST_SERVICES_COMMON_REPEATED_LOG_H_
#define HOLDFAST_SERVICES_COMMON_REPEATED_LOG_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "services/common/clock.h"

namespace holdfast {

// Thread-safe.
class RepeatedLog {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(10);

  // `clock` must outlive this.
  explicit RepeatedLog(const Clock& clock) : clock_(clock) {}

  // It has happened once more. A number: log it now, as having happened so many times.
  // `what` is one of a few; each is remembered for good.
  std::optional<std::uint64_t> Count(std::string_view what);

 private:
  struct Line {
    Instant written = Instant::min();
    std::uint64_t times = 0;  // Since then.
  };

  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Line, std::less<>> lines_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_REPEATED_LOG_H_
