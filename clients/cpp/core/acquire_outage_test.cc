// An acquire whose server is away: what is told, and when it gives up.

#include "clients/cpp/core/acquire_op_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using AcquireOutageTest = AcquireOpTest;

TEST_F(AcquireOutageTest, TellsOnceThatTheServerWasNeverThere) {
  Start(kForever);
  const MonotonicTime began = world_.scheduler.Now();
  world_.scheduler.Advance(300ms);
  wait(0).SayEnded(Broken());
  ASSERT_EQ(outages_.size(), 1U);
  EXPECT_EQ(outages_[0].status, Broken());
  EXPECT_EQ(outages_[0].since, began);
  world_.scheduler.Advance(100ms);
  wait(1).SayEnded(Broken());
  EXPECT_EQ(outages_.size(), 1U);
  EXPECT_FALSE(result_.has_value());
}

TEST_F(AcquireOutageTest, TellsOfEachOutageAndSinceWhen) {
  Start(kForever);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(10s);
  EXPECT_TRUE(outages_.empty());
  wait(0).SayEnded(Broken());
  const MonotonicTime lost = world_.scheduler.Now();
  world_.scheduler.Advance(100ms);
  wait(1).SayQueued(1, "somebody");
  world_.scheduler.Advance(10s);
  wait(1).SayEnded(Broken());
  ASSERT_EQ(outages_.size(), 2U);
  EXPECT_EQ(outages_[0].since, lost);
  EXPECT_EQ(outages_[1].since, world_.scheduler.Now());
}

TEST_F(AcquireOutageTest, GivesUpWithoutWordForTheConnectTimeout) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  world_.scheduler.Advance(1s);
  wait(0).SayEnded(Broken());
  std::size_t ended = 1;
  while (!result_.has_value()) {
    world_.scheduler.Advance(100ms);
    // Each call ends once.
    if (!result_.has_value() && waits() > ended) wait(ended++).SayEnded(Broken());
    ASSERT_LT(waits(), 100U);
  }
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(std::string(status().message()), testing::HasSubstr("connection reset"));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOutageTest, GivesUpAtTheConnectTimeoutAndNotBefore) {
  spec_.connect_timeout = 5s;
  Start(kForever);  // The call hangs.
  world_.scheduler.Advance(4999ms);
  EXPECT_FALSE(result_.has_value());
  world_.scheduler.Advance(1ms);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

TEST_F(AcquireOutageTest, ConnectTimeoutDoesNotLimitTheWaitInTheQueue) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  world_.scheduler.Advance(4s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(1h);
  EXPECT_FALSE(result_.has_value());

  // It begins anew when the connection is lost.
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(4999ms);
  EXPECT_FALSE(result_.has_value());
  world_.scheduler.Advance(1ms);
  EXPECT_TRUE(absl::IsUnavailable(status()));
}

TEST_F(AcquireOutageTest, ConnectTimeoutBeginsAnewWithANewIdThatGetsNoAnswer) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  world_.scheduler.Advance(4s);
  wait(0).SayEnded(LeaseEnded());
  world_.scheduler.Advance(1s);
  ASSERT_EQ(waits(), 2U);
  EXPECT_FALSE(result_.has_value());
  world_.scheduler.Advance(5s);
  EXPECT_TRUE(absl::IsUnavailable(status()));
}

TEST_F(AcquireOutageTest, ConnectTimeoutCountsWhileAGrantIsConfirmed) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.scheduler.Advance(1s);
  world_.transport.renewals.at(0).answer(Broken());
  ASSERT_EQ(outages_.size(), 1U);
  world_.scheduler.Advance(5s);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOutageTest, GrantEndsTheConnectTimeout) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  wait(0).SayGranted(42);
  EXPECT_EQ(world_.scheduler.timers(), 0U);
  EXPECT_TRUE(outages_.empty());
}

}  // namespace
}  // namespace holdfast::core
