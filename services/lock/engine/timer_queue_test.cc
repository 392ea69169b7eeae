#include "services/lock/engine/timer_queue.h"

#include <chrono>
#include <optional>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

Instant At(int nanoseconds) { return Instant(Duration(nanoseconds)); }

TEST(TimerQueueTest, TimersComeInTheOrderOfTheirTimeThenOfTheirSetting) {
  TimerQueue<int> timers;
  timers.Set(At(20), 3);
  timers.Set(At(10), 1);
  timers.Set(At(10), 2);
  EXPECT_EQ(timers.NextDue(), At(10));
  EXPECT_EQ(timers.PopDue(At(30)), 1);
  EXPECT_EQ(timers.PopDue(At(30)), 2);
  EXPECT_EQ(timers.PopDue(At(30)), 3);
  EXPECT_EQ(timers.PopDue(At(30)), std::nullopt);
}

TEST(TimerQueueTest, ATimerIsDueAtItsInstantAndNotBefore) {
  TimerQueue<int> timers;
  timers.Set(At(10), 1);
  EXPECT_EQ(timers.PopDue(At(9)), std::nullopt);
  EXPECT_EQ(timers.PopDue(At(10)), 1);
}

TEST(TimerQueueTest, ACancelledTimerIsGoneAndOthersStay) {
  TimerQueue<int> timers;
  std::optional<TimerId> first = timers.Set(At(10), 1);
  timers.Set(At(10), 2);
  timers.Cancel(first);
  EXPECT_FALSE(first.has_value());
  timers.Cancel(first);
  EXPECT_EQ(timers.size(), 1u);
  EXPECT_EQ(timers.PopDue(At(10)), 2);
}

}  // namespace
}  // namespace holdfast
