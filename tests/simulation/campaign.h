// Many runs, and what to print of one that found something.

#ifndef HOLDFAST_TESTS_SIMULATION_CAMPAIGN_H_
#define HOLDFAST_TESTS_SIMULATION_CAMPAIGN_H_

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>

#include "tests/simulation/run.h"

namespace holdfast::simulation {

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1;
  // If not zero: goes on until this much time has passed, whatever `seeds` says.
  std::chrono::nanoseconds limit{};
  bool trace = false;  // Print the whole history of each run.
};

// Runs seed after seed until one finds something. Prints that, and figures in the end.
// Returns whether nothing was found.
bool RunCampaign(const CampaignOptions& options, std::ostream& out);

// What was found, how to see it again, and the part of the history that it is about.
void PrintFindings(std::uint64_t seed, const RunResult& result, std::ostream& out);

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_CAMPAIGN_H_
