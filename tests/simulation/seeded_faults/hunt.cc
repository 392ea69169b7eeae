#include "tests/simulation/seeded_faults/hunt.h"

#include "tests/simulation/seeded_faults/seeded_fault.h"
#include "tests/simulation/seeded_faults/src/tests/simulation/run.h"

namespace holdfast::seeded_faults {

Catch Hunt(std::size_t fault, std::uint64_t seeds) {
  g_on = fault;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const simulation::RunResult result = simulation::RunSeed(seed);
    if (!result.findings.empty()) return {.seed = seed, .finding = result.findings.front()};
  }
  return {};
}

}  // namespace holdfast::seeded_faults
