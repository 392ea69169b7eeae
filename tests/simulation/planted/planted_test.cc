// The simulation finds every planted bug within its ordinary number of seeds, and finds
// nothing where no bug is on.

#include "tests/simulation/planted/planted.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "tests/simulation/planted/hunt.h"

namespace holdfast::planted {
namespace {

class PlantedBugTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  ~PlantedBugTest() override { g_on = kNone; }
};

TEST_P(PlantedBugTest, IsFound) {
  const Catch caught = Hunt(GetParam(), kOrdinarySeeds);
  EXPECT_GT(caught.seed, 0u) << "not found within " << kOrdinarySeeds
                             << " seeds: " << kNames[GetParam()];
  std::cout << kNames[GetParam()] << ": seed " << caught.seed << ", " << caught.finding << '\n';
}

std::string TestName(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = kNames[info.param];
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedBugTest, ::testing::Range<std::size_t>(0, kNames.size()),
                         TestName);

TEST(PlantedBugsTest, ThereAreEnough) { EXPECT_GE(kNames.size(), 25u); }

TEST(PlantedBugsTest, WithoutOneNothingIsFound) { EXPECT_EQ(Hunt(kNone, 200).seed, 0u); }

}  // namespace
}  // namespace holdfast::planted
