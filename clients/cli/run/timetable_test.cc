#include "clients/cli/run/timetable.h"

#include <chrono>

#include "clients/cli/options.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr MonotonicTime kDeadline(24h);

TEST(TimetableTest, EverythingComesInOrderAndBeforeTheDeadline) {
  for (const Duration expire :
       {Duration(kMinRunExpire), Duration(30s), Duration(1h), Duration(366 * 24h)}) {
    const Timetable times = MakeTimetable(expire, kDeadline);
    // The client library renews when two thirds are left.
    EXPECT_GT(times.check_at, kDeadline - expire * 2 / 3);
    EXPECT_GT(times.term_at, times.check_at);
    EXPECT_GT(times.kill_at, times.term_at);
    EXPECT_GT(times.backstop_at, times.kill_at);
    EXPECT_GT(kDeadline, times.backstop_at);
  }
}

TEST(TimetableTest, ShortLeaseLeavesTheKernelTimeToKill) {
  EXPECT_EQ(MakeTimetable(1s, kDeadline).kill_at, kDeadline - 100ms);
}

TEST(TimetableTest, LongLeaseIsUsedNearlyToItsEnd) {
  EXPECT_EQ(MakeTimetable(1h, kDeadline).kill_at, kDeadline - 2s);
  EXPECT_EQ(MakeTimetable(1h, kDeadline).term_at, kDeadline - 15min);
}

}  // namespace
}  // namespace holdfast::cli
