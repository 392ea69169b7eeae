// The lease table: an acquire whose server is away: what is told, and when it gives up.

#include "clients/cpp/core/lease_table_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using LeaseTableOutageTest = LeaseTableTest;

TEST_F(LeaseTableOutageTest, TellsOnceThatTheServerWasNeverThere) {
  Start(kForever);
  const MonotonicTime began = now();
  Advance(300ms);
  wait(0).SayEnded(Broken());
  ASSERT_EQ(outages_.size(), 1U);
  EXPECT_EQ(outages_[0].status, Broken());
  EXPECT_EQ(outages_[0].since, began);
  Advance(100ms);
  wait(1).SayEnded(Broken());
  EXPECT_EQ(outages_.size(), 1U);
  EXPECT_FALSE(result_.has_value());
}

TEST_F(LeaseTableOutageTest, TellsOfEachOutageAndSinceWhen) {
  Start(kForever);
  wait(0).SayQueued(1, "somebody");
  Advance(10s);
  EXPECT_TRUE(outages_.empty());
  wait(0).SayEnded(Broken());
  const MonotonicTime lost = now();
  Advance(100ms);
  wait(1).SayQueued(1, "somebody");
  Advance(10s);
  wait(1).SayEnded(Broken());
  ASSERT_EQ(outages_.size(), 2U);
  EXPECT_EQ(outages_[0].since, lost);
  EXPECT_EQ(outages_[1].since, now());
}

TEST_F(LeaseTableOutageTest, GivesUpWithoutWordForTheConnectTimeout) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  Advance(1s);
  wait(0).SayEnded(Broken());
  std::size_t ended = 1;
  while (!result_.has_value()) {
    Advance(100ms);
    // Each call ends once.
    if (!result_.has_value() && waits() > ended) wait(ended++).SayEnded(Broken());
    ASSERT_LT(waits(), 100U);
  }
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(std::string(status().message()), testing::HasSubstr("connection reset"));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableOutageTest, GivesUpAtTheConnectTimeoutAndNotBefore) {
  spec_.connect_timeout = 5s;
  Start(kForever);  // The call hangs.
  Advance(4999ms);
  EXPECT_FALSE(result_.has_value());
  Advance(1ms);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_FALSE(world_.loop.waits());
}

TEST_F(LeaseTableOutageTest, ConnectTimeoutDoesNotLimitTheWaitInTheQueue) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  Advance(4s);
  wait(0).SayQueued(1, "somebody");
  Advance(1h);
  EXPECT_FALSE(result_.has_value());

  // It begins anew when the connection is lost.
  wait(0).SayEnded(Broken());
  Advance(4999ms);
  EXPECT_FALSE(result_.has_value());
  Advance(1ms);
  EXPECT_TRUE(absl::IsUnavailable(status()));
}

TEST_F(LeaseTableOutageTest, ConnectTimeoutBeginsAnewWithANewIdThatGetsNoAnswer) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  Advance(4s);
  wait(0).SayEnded(LeaseEnded());
  Advance(1s);
  ASSERT_EQ(waits(), 2U);
  EXPECT_FALSE(result_.has_value());
  Advance(5s);
  EXPECT_TRUE(absl::IsUnavailable(status()));
}

TEST_F(LeaseTableOutageTest, ConnectTimeoutCountsWhileAGrantIsConfirmed) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  Advance(1s);
  renewals().at(0).answer(Broken());
  ASSERT_EQ(outages_.size(), 1U);
  Advance(5s);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableOutageTest, GrantEndsTheConnectTimeout) {
  spec_.connect_timeout = 5s;
  Start(kForever);
  wait(0).SayGranted(42);
  EXPECT_EQ(world_.loop.alarm(), lease().times().lost_at);
  EXPECT_TRUE(outages_.empty());
}

}  // namespace
}  // namespace holdfast::core
