// The ordinary number of seeds.

#include <cstdint>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/simulation/campaign.h"

namespace holdfast::simulation {
namespace {

// In blocks, so that they can be spread over processors.
constexpr std::uint64_t kSeedsPerBlock = 1'000;
constexpr std::uint64_t kBlocks = 20;

class SimulationTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(SimulationTest, NoInvariantIsBroken) {
  std::ostringstream out;
  const bool sound =
      RunCampaign({.first_seed = GetParam() * kSeedsPerBlock + 1, .seeds = kSeedsPerBlock}, out);
  EXPECT_TRUE(sound) << out.str();
}

INSTANTIATE_TEST_SUITE_P(Blocks, SimulationTest, ::testing::Range<std::uint64_t>(0, kBlocks));

}  // namespace
}  // namespace holdfast::simulation
