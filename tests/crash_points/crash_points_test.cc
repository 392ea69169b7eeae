// A fixed seed of each combination; crash_points_soak goes on with others.

#include "tests/crash_points/crash_points.h"

#include <cstddef>
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

struct Combination {
  Durability durability;
  Unsynced unsynced;
  // Less than what it makes; all together they are more than 1,500. Where un-synced
  // data is dropped, only syncs make a difference.
  std::size_t recoveries;
  std::size_t second_recoveries;
  std::size_t second_crash_every = 150;
};

std::string Name(const testing::TestParamInfo<Combination>& info) {
  std::string name = ToString(info.param.durability) + "_" + ToString(info.param.unsynced);
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

class CrashPointsTest : public ::testing::TestWithParam<Combination> {};

TEST_P(CrashPointsTest, WhatWasAcknowledgedIsThereAndTokensRise) {
  SetLogLevel(LogLevel::kError);  // Each tail that is cut off is worth a warning.
  const CrashReport report =
      CrashEverywhere(testing::TempDir(), {.seed = 1,
                                           .durability = GetParam().durability,
                                           .unsynced = GetParam().unsynced,
                                           .second_crash_every = GetParam().second_crash_every});
  std::cout << report << "\n";
  EXPECT_TRUE(report.faults.empty());
  EXPECT_GE(report.recoveries, GetParam().recoveries);
  EXPECT_GE(report.second_recoveries, GetParam().second_recoveries);
}

INSTANTIATE_TEST_SUITE_P(
    EachCombination, CrashPointsTest,
    ::testing::Values(Combination{Durability::kSync, Unsynced::kKept, 300, 50},
                      Combination{Durability::kSync, Unsynced::kDropped, 90, 20, 10},
                      Combination{Durability::kSync, Unsynced::kTorn, 250, 30},
                      Combination{Durability::kSync, Unsynced::kWithHoles, 250, 30},
                      Combination{Durability::kProcess, Unsynced::kKept, 250, 50},
                      Combination{Durability::kProcess, Unsynced::kDropped, 80, 20, 10},
                      Combination{Durability::kProcess, Unsynced::kTorn, 200, 20},
                      Combination{Durability::kProcess, Unsynced::kWithHoles, 200, 20}),
    Name);

}  // namespace
}  // namespace holdfast
