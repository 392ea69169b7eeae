// A short run of the Jepsen case.

#include <chrono>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/chaos/jepsen_case.h"

namespace holdfast::chaos {
namespace {

TEST(JepsenTest, RegisterThatChecksTokensLosesNothingWhenHoldersArePausedPastTheirLeases) {
  const JepsenReport report = RunJepsenCase({.time = std::chrono::seconds(24)});
  std::cout << report;
  EXPECT_EQ(report.token_checked.lost, 0u);
  // The run was what it is meant to be.
  EXPECT_GT(report.token_checked.acknowledged, 0u);
  EXPECT_GT(report.token_checked.past_lease, 0);
  EXPECT_GT(report.lease_checked.acknowledged, 0u);
  EXPECT_GT(report.lease_checked.past_lease, 0);
  EXPECT_EQ(report.lease_checked.refused, 0u);
}

}  // namespace
}  // namespace holdfast::chaos
