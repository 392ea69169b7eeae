// A chaos run of the real server, with everything recorded and checked: see scenario.h.

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "tests/chaos/scenario.h"

namespace holdfast::chaos {
namespace {

// How often the server is killed: the build file says so for each way, because the
// same code is tested at several lengths.
int Cycles() { return std::stoi(std::getenv("CHAOS_CYCLES")); }

class ServerChaosTest : public testing::TestWithParam<Way> {};

TEST_P(ServerChaosTest, KeepsTheInvariantsAndLeavesNothingBehind) {
  const ScenarioOptions options{.way = GetParam(), .seed = 1, .cycles = Cycles()};
  std::cout << ToString(options.way) << ", seed " << options.seed << std::endl;
  const ScenarioReport report = RunScenario(options);
  std::cout << report;
  EXPECT_TRUE(report.findings.empty());
  // The run was what it is meant to be.
  EXPECT_GE(report.server_kills, static_cast<std::uint64_t>(Cycles()));
  EXPECT_GE(report.grants, static_cast<std::uint64_t>(4 * Cycles()));
}

INSTANTIATE_TEST_SUITE_P(Ways, ServerChaosTest,
                         testing::Values(Way::kDirect, Way::kCutting, Way::kReplaying),
                         [](const auto& param) { return ToString(param.param); });

}  // namespace
}  // namespace holdfast::chaos
