#include "clients/cpp/core/lease_times.h"

#include <chrono>

#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

constexpr MonotonicTime kSent{1h};

// How the holder's clock reads when a server whose clock runs `rate` times as fast lets
// the lease lapse. The earliest: the request took no time to get there.
MonotonicTime LapsesAt(double rate, Duration elapsed, Duration remaining) {
  return kSent + std::chrono::duration_cast<Duration>((elapsed + remaining) / rate);
}

TEST(LeaseTimesTest, DeadlineLiesBeforeTheLapseOfAFasterServer) {
  for (const Duration waited : {0ns, Duration(1ms), Duration(1min), Duration(10h)}) {
    for (const Duration left : {Duration(100ms), Duration(30s), Duration(24h)}) {
      const LeaseTimes times = ComputeLeaseTimes(kSent, waited, left);
      EXPECT_LT(times.deadline, LapsesAt(1.0012, waited, left));
      EXPECT_LT(times.lost_at, times.deadline);
    }
  }
}

TEST(LeaseTimesTest, MarginIsTheDriftOfWaitAndLeaseAndTheGranularityOfClocks) {
  EXPECT_EQ(ComputeLeaseTimes(kSent, 0s, 0s).deadline, kSent - 2ms);
  EXPECT_EQ(ComputeLeaseTimes(kSent, 500s, 0s).deadline, kSent + 499s - 2ms);
  EXPECT_EQ(ComputeLeaseTimes(kSent, 0s, 500s).deadline, kSent + 499s - 2ms);
}

TEST(LeaseTimesTest, LossIsSignalledATwentiethBeforeTheDeadlineWithinLimits) {
  EXPECT_EQ(LostLead(2s), 100ms);
  EXPECT_EQ(LostLead(1h), 250ms);
  EXPECT_EQ(LostLead(0s), 1ms);
}

TEST(LeaseTimesTest, MostOfAnOrdinaryLeaseIsLeft) {
  EXPECT_GT(ComputeLeaseTimes(kSent, 0s, 30s).lost_at, kSent + 29s);
  EXPECT_GT(ComputeLeaseTimes(kSent, 0s, 1s).lost_at, kSent + 900ms);
  EXPECT_GT(ComputeLeaseTimes(kSent, 0s, 100ms).lost_at, kSent + 90ms);
}

TEST(LeaseTimesTest, LeaseWithoutExpiryIsNeverLost) {
  const LeaseTimes times = ComputeLeaseTimes(kSent, 10h, std::nullopt);
  EXPECT_EQ(times.deadline, MonotonicTime::max());
  EXPECT_EQ(times.lost_at, MonotonicTime::max());
}

TEST(LeaseTimesTest, TinyLeaseIsOverBeforeItBegins) {
  EXPECT_LT(ComputeLeaseTimes(kSent, 0s, 1ms).lost_at, kSent);
}

TEST(LeaseTimesTest, NegativeSpansCountAsNone) {
  EXPECT_EQ(ComputeLeaseTimes(kSent, -1h, 30s), ComputeLeaseTimes(kSent, 0s, 30s));
  EXPECT_LT(ComputeLeaseTimes(kSent, 0s, -1h).deadline, kSent);
}

}  // namespace
}  // namespace holdfast::core
