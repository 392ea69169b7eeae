#include "tests/simulation/planted/hunt.h"

#include "tests/simulation/planted/planted.h"
#include "tests/simulation/planted/src/tests/simulation/run.h"

namespace holdfast::planted {

Catch Hunt(std::size_t bug, std::uint64_t seeds) {
  g_on = bug;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const simulation::RunResult result = simulation::RunSeed(seed);
    if (!result.findings.empty()) return {.seed = seed, .finding = result.findings.front()};
  }
  return {};
}

}  // namespace holdfast::planted
