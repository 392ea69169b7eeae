// I3: what a lock guards, if it checks tokens, never takes a write with a smaller token
// after one with a larger.

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "tests/support/history/checker.h"
#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

// Calls `on_stale(newest, event)` for every accepted write at `event` that comes after
// an accepted one at `newest` with a larger token.
template <typename F>
void ForEachStaleWrite(const History& history, F on_stale) {
  absl::flat_hash_map<std::string_view, std::size_t> newest;
  for (std::size_t event = 0; event < history.size(); ++event) {
    const auto* written = std::get_if<Written>(&history[event].what);
    if (written == nullptr || !written->accepted) continue;
    const auto [found, is_new] = newest.try_emplace(written->resource, event);
    if (is_new) continue;
    if (written->fencing_token < std::get<Written>(history[found->second].what).fencing_token) {
      on_stale(found->second, event);
    } else {
      found->second = event;
    }
  }
}

}  // namespace

std::uint64_t StaleWrites(const History& history, std::string_view resource) {
  std::uint64_t stale = 0;
  ForEachStaleWrite(history, [&](std::size_t /*newest*/, std::size_t event) {
    if (std::get<Written>(history[event].what).resource == resource) ++stale;
  });
  return stale;
}

void CheckFencing(const Evidence& evidence, Report& report) {
  const History& history = evidence.digest.history();
  ForEachStaleWrite(history, [&](std::size_t newest, std::size_t event) {
    const auto& written = std::get<Written>(history[event].what);
    if (evidence.digest.rules().unfenced.contains(written.resource)) return;
    report.Add("the resource " + written.resource + " takes a write with the token " +
                   std::to_string(written.fencing_token) + " after one with " +
                   std::to_string(std::get<Written>(history[newest].what).fencing_token),
               {newest, event});
  });
}

}  // namespace holdfast::history
