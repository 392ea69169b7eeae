// Runs simulations: `simulate --seeds=20000`, or one of them again with its story:
// `simulate --seed=17 --trace`. `--minutes=N` runs new seeds for that long.
//
// Exit codes: 0 nothing was found, 1 something was, 64 a flag is wrong.

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "tests/simulation/campaign.h"

int main(int argc, char** argv) {
  namespace simulation = holdfast::simulation;
  simulation::CampaignOptions options;
  double minutes = 0;
  CLI::App app("Deterministic simulation of the lock service.");
  app.add_option("--seed", options.first_seed, "the first seed")->capture_default_str();
  app.add_option("--seeds", options.seeds, "how many, beginning with --seed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--minutes", minutes, "go on for this long instead")->check(CLI::PositiveNumber);
  app.add_flag("--trace", options.trace, "print what happened");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }
  options.limit = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::ratio<60>>(minutes));
  return simulation::RunCampaign(options, std::cout) ? 0 : 1;
}
