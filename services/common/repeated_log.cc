#include "services/common/repeated_log.h"

#include <utility>

namespace holdfast {

std::optional<std::uint64_t> RepeatedLog::Count(std::string_view what) {
  const Instant now = clock_.Read().monotonic;
  MutexLock lock(mutex_);
  auto found = lines_.find(what);
  if (found == lines_.end()) found = lines_.try_emplace(std::string(what)).first;
  Line& line = found->second;
  ++line.times;
  if (line.written != Instant::min() && now - line.written < kInterval) return std::nullopt;
  line.written = now;
  return std::exchange(line.times, 0);
}

}  // namespace holdfast
