// The Jepsen case as a program:
//
//   jepsen_case --seconds=N|--minutes=N --rest-ms=N --seed=S
//
// Prints what came of it as a table. Exits with 1 if the register that checks tokens
// has lost a write.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <random>

#include "tests/chaos/jepsen_case.h"

int main(int argc, char** argv) {
  holdfast::chaos::JepsenOptions options{.seed = std::random_device()()};
  auto seconds = options.time.count();
  auto rest = options.rest.count();
  double minutes = 0;
  CLI::App app("The Jepsen case: holders that are paused for longer than their leases");
  app.add_option("--seconds", seconds, "How long it runs.")->capture_default_str();
  app.add_option("--minutes", minutes, "The same, in minutes.")->check(CLI::PositiveNumber);
  app.add_option("--rest-ms", rest, "How long a client rests between two turns, on the average.")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of how long the clients' steps take.");
  CLI11_PARSE(app, argc, argv);

  if (minutes > 0) seconds = std::lround(minutes * 60);
  options.time = std::chrono::seconds(seconds);
  options.rest = std::chrono::milliseconds(rest);
  std::cout << seconds << " s, rests of " << rest << " ms, seed " << options.seed << std::endl;
  const auto report = holdfast::chaos::RunJepsenCase(options);
  std::cout << report;
  return report.token_checked.lost == 0 ? 0 : 1;
}
