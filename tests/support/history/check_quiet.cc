// I6: when everybody has gone and cleaned up, nothing is left over.

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

std::string Count(const char* name, std::int64_t count) {
  return std::string(" ") + name + "=" + std::to_string(count);
}

std::string LeftOver(const char* name, std::optional<std::uint64_t> count, std::uint64_t allowed) {
  if (!count.has_value() || *count <= allowed) return "";
  return Count(name, static_cast<std::int64_t>(*count));
}

}  // namespace

void CheckQuiet(const Evidence& evidence, Report& report) {
  const History& history = evidence.digest.history();
  const std::uint64_t stay = evidence.digest.rules().leases_that_stay;
  for (std::size_t event = 0; event < history.size(); ++event) {
    const auto* quiet = std::get_if<Quiet>(&history[event].what);
    if (quiet == nullptr) continue;
    std::string left =
        LeftOver("leases", quiet->leases, stay) + LeftOver("waiters", quiet->waiters, 0) +
        LeftOver("open_calls", quiet->open_calls, 0) +
        // One for the expire of each lease that stays.
        LeftOver("timers", quiet->timers, stay) + LeftOver("watches", quiet->watches, 0);
    if (quiet->file_descriptors.value_or(0) > 0) {
      left += Count("file_descriptors", *quiet->file_descriptors);
    }
    if (!left.empty()) report.Add("left over:" + left, {event});
  }
}

}  // namespace holdfast::history
