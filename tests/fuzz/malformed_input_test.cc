// Malformed input against a live server: others are not disturbed, and nothing of it is left.

#include <chrono>
#include <iostream>

#include "gtest/gtest.h"
#include "tests/fuzz/malformed_input_run.h"

namespace holdfast::fuzz {
namespace {

TEST(MalformedInputTest, DisturbsNobodyAndLeavesNothingBehind) {
  const MalformedInputPlan plan{.seed = 1, .connections = 400, .limit = std::chrono::minutes(2)};
  const MalformedInputReport report = RunMalformedInput(plan);
  for (const std::string& trouble : report.troubles) ADD_FAILURE() << trouble;
  int connections = 0;
  std::cout << "seed " << plan.seed << ", connections:";
  for (const auto& [kind, count] : report.sent) {
    std::cout << ' ' << kind << ' ' << count << ',';
    connections += count;
  }
  std::cout << " in all " << report.bytes << " bytes; meanwhile " << report.rounds
            << " locks taken and released\n";
  EXPECT_EQ(connections, plan.connections);
}

}  // namespace
}  // namespace holdfast::fuzz
