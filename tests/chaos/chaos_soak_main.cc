// Chaos for the server, for longer:
//
//   chaos_soak --minutes=X --seed=S
//
// Runs of 50 cycles in turn: straight to the server, through the proxy that cuts
// connections, through the one that repeats calls. Each has a seed of its own, counted
// up from S. It ends at the first finding, with 1, and prints what repeats that run:
//
//   chaos_soak --way=direct --seed=S

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "tests/chaos/scenario.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

const std::map<std::string, Way> kWays = {
    {"direct", Way::kDirect}, {"cutting", Way::kCutting}, {"replaying", Way::kReplaying}};

struct Total {
  int runs = 0;
  std::uint64_t kills = 0;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t grants = 0;

  void Add(const ScenarioReport& report) {
    ++runs;
    kills += report.server_kills + report.client_kills;
    events += report.events;
    operations += report.operations;
    grants += report.grants;
  }
};

bool RunOne(const ScenarioOptions& options, Total& total) {
  std::cout << "--- " << ToString(options.way) << ", seed " << options.seed << std::endl;
  const ScenarioReport report = RunScenario(options);
  std::cout << report << std::flush;
  total.Add(report);
  if (report.findings.empty()) return true;
  std::cout << "to repeat it: chaos_soak --way=" << ToString(options.way)
            << " --seed=" << options.seed << " --cycles=" << options.cycles << '\n';
  return false;
}

int Run(double minutes, std::optional<Way> way, ScenarioOptions options) {
  const Stopwatch watch;
  const std::chrono::duration<double, std::ratio<60>> time(minutes);
  Total total;
  bool good = true;
  do {
    options.way = way.value_or(static_cast<Way>(total.runs % static_cast<int>(kWays.size())));
    good = RunOne(options, total);
    ++options.seed;
  } while (good && !way.has_value() && watch.Elapsed() < time);
  std::cout << total.runs << " runs, " << total.kills << " kills, " << total.events << " events, "
            << total.operations << " operations, " << total.grants << " grants checked\n";
  return good ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::chaos

int main(int argc, char** argv) {
  namespace chaos = holdfast::chaos;
  double minutes = 1;
  std::string way;
  chaos::ScenarioOptions options{.seed = std::random_device()()};
  CLI::App app("chaos for holdfastd: killed, paused and cut off, and every history checked");
  app.add_option("--minutes", minutes, "No run begins after that.")->capture_default_str();
  app.add_option("--seed", options.seed, "Of the first run.");
  app.add_option("--cycles", options.cycles, "Kills of the server in a run.")
      ->capture_default_str();
  app.add_option("--way", way, "One run, of this way: direct, cutting or replaying.")
      ->check(CLI::IsMember({"direct", "cutting", "replaying"}));
  CLI11_PARSE(app, argc, argv);
  return chaos::Run(minutes, way.empty() ? std::nullopt : std::optional(chaos::kWays.at(way)),
                    options);
}
