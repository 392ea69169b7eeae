// One run of the simulation, from its seed to the verdict.
//
// First the safety phase: clients take locks while things go wrong. Then everything is
// mended: in the liveness phase every call is to be answered in time, and whoever waits
// gets the lock or is told why not. Then nobody begins anything new, and in the end
// nothing may be left on the server. The history of the whole is checked by
// tests/support/history.

#ifndef HOLDFAST_TESTS_SIMULATION_RUN_H_
#define HOLDFAST_TESTS_SIMULATION_RUN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/history/history.h"

namespace holdfast::simulation {

struct RunResult {
  std::uint64_t hash = 0;   // Two runs of one seed have the same.
  std::uint64_t steps = 0;  // How much happened.
  history::History history{};
  // What was found wrong, in words. Empty: nothing.
  std::vector<std::string> findings{};
  // The events that the first finding is about, if it is about any.
  std::vector<std::size_t> events{};
  // Keys whose calls were searched exhaustively for an order (linearizability.h).
  std::size_t keys_searched = 0;
};

// Thread-compatible: runs do not know of one another.
RunResult RunSeed(std::uint64_t seed);

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_RUN_H_
