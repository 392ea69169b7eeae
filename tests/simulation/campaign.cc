#include "tests/simulation/campaign.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>

#include "tests/support/history/history_text.h"

namespace holdfast::simulation {
namespace {

// How much of the history is shown around what is wrong.
constexpr std::size_t kEventsShown = 60;

using WallClock = std::chrono::steady_clock;

void PrintEvents(const history::History& history, std::size_t begin, std::size_t end,
                 std::ostream& out) {
  for (std::size_t i = begin; i < end; ++i) {
    out << "  " << history::ToText(history[i]) << '\n';
  }
}

}  // namespace

void PrintFindings(std::uint64_t seed, const RunResult& result, std::ostream& out) {
  out << "seed " << seed << " found:\n";
  for (const std::string& finding : result.findings) out << "  " << finding << '\n';
  out << "replay it with: ./dev simulate --seed=" << seed << " --trace\n";

  std::size_t end = result.history.size();
  if (!result.events.empty()) {
    end = std::min(end, *std::max_element(result.events.begin(), result.events.end()) + 5);
  }
  const std::size_t begin = end - std::min(end, kEventsShown);
  out << "events " << begin << " to " << end << " of " << result.history.size() << ":\n";
  PrintEvents(result.history, begin, end, out);
}

bool RunCampaign(const CampaignOptions& options, std::ostream& out) {
  const WallClock::time_point start = WallClock::now();
  const bool timed = options.limit > std::chrono::nanoseconds::zero();
  std::uint64_t runs = 0;
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  std::uint64_t keys_searched = 0;
  while (timed ? WallClock::now() - start < options.limit : runs < options.seeds) {
    const std::uint64_t seed = options.first_seed + runs;
    const RunResult result = RunSeed(seed);
    if (options.trace) {
      PrintEvents(result.history, 0, result.history.size(), out);
      out << "seed " << seed << ": hash " << std::hex << result.hash << std::dec << '\n';
    }
    if (!result.findings.empty()) {
      PrintFindings(seed, result, out);
      return false;
    }
    ++runs;
    steps += result.steps;
    events += result.history.size();
    keys_searched += result.keys_searched;
  }
  const std::chrono::duration<double> took = WallClock::now() - start;
  out << runs << " seeds from " << options.first_seed << ", " << steps << " steps, " << events
      << " events of history, " << keys_searched
      << " keys searched for an order, nothing found, in " << took.count() << " s\n";
  return true;
}

}  // namespace holdfast::simulation
