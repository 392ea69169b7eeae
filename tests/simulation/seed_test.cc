// That a seed decides everything, and a few runs for the sanitizers to watch.

#include <sstream>

#include "gtest/gtest.h"
#include "tests/simulation/campaign.h"
#include "tests/simulation/run.h"

namespace holdfast::simulation {
namespace {

TEST(SeedTest, TheSameSeedIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const RunResult first = RunSeed(seed);
    const RunResult second = RunSeed(seed);
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_EQ(first.steps, second.steps) << "seed " << seed;
  }
}

TEST(SeedTest, AnotherSeedIsAnotherRun) { EXPECT_NE(RunSeed(1).hash, RunSeed(2).hash); }

TEST(SeedTest, TheFirstFindNothing) {
  std::ostringstream out;
  EXPECT_TRUE(RunCampaign({.seeds = 50}, out)) << out.str();
}

}  // namespace
}  // namespace holdfast::simulation
