// The simulation finds every seeded fault within its ordinary number of seeds, and finds
// nothing where no fault is on.

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "tests/simulation/seeded_faults/hunt.h"
#include "tests/simulation/seeded_faults/seeded_fault.h"

namespace holdfast::seeded_faults {
namespace {

class SeededFaultTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  ~SeededFaultTest() override { g_on = kNone; }
};

TEST_P(SeededFaultTest, IsFound) {
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

INSTANTIATE_TEST_SUITE_P(Faults, SeededFaultTest, ::testing::Range<std::size_t>(0, kNames.size()),
                         TestName);

TEST(SeededFaultsTest, ThereAreEnough) { EXPECT_GE(kNames.size(), 25u); }

TEST(SeededFaultsTest, WithoutOneNothingIsFound) { EXPECT_EQ(Hunt(kNone, 200).seed, 0u); }

}  // namespace
}  // namespace holdfast::seeded_faults
