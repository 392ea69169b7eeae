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
  // A little less than what it makes; all together they are more than 1,500. Where
  // un-synced data is dropped, only syncs make a difference.
  std::size_t recoveries;
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
                                           .second_crash_every = 150});
  std::cout << report << "\n";
  EXPECT_TRUE(report.faults.empty());
  EXPECT_GE(report.recoveries, GetParam().recoveries);
  EXPECT_GT(report.second_recoveries, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    EachCombination, CrashPointsTest,
    ::testing::Values(Combination{Durability::kSync, Unsynced::kKept, 300},
                      Combination{Durability::kSync, Unsynced::kDropped, 90},
                      Combination{Durability::kSync, Unsynced::kTorn, 250},
                      Combination{Durability::kSync, Unsynced::kWithHoles, 250},
                      Combination{Durability::kProcess, Unsynced::kKept, 250},
                      Combination{Durability::kProcess, Unsynced::kDropped, 80},
                      Combination{Durability::kProcess, Unsynced::kTorn, 200},
                      Combination{Durability::kProcess, Unsynced::kWithHoles, 200}),
    Name);

}  // namespace
}  // namespace holdfast
