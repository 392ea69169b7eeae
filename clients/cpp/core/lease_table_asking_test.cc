// The lease table: an acquire, from the first request to the grant or the end of patience.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using LeaseTableAskingTest = LeaseTableTest;

TEST_F(LeaseTableAskingTest, AsksForWhatTheLockIs) {
  Start(5s);
  const WaitRequest& request = wait(0).request();
  EXPECT_EQ(request.key, "k");
  EXPECT_EQ(request.lease_id, "lease-1");
  EXPECT_EQ(request.expire, 30s);
  EXPECT_EQ(request.tags, std::vector<std::string>{"t"});
  EXPECT_EQ(request.owner, "me");
  EXPECT_EQ(request.timeout, 5s);
}

TEST_F(LeaseTableAskingTest, WaitsWithoutALimitForEver) {
  Start(kForever);
  EXPECT_EQ(wait(0).request().timeout, std::nullopt);
  Advance(24h * 1000);
  EXPECT_FALSE(result_.has_value());
}

TEST_F(LeaseTableAskingTest, KeepsATimeoutThatIsTooLongForTheApiByItself) {
  Start(24h * 400);
  EXPECT_EQ(wait(0).request().timeout, std::nullopt);
  wait(0).SayQueued(1, "somebody");
  Advance(24h * 400 + 2s);
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
}

TEST_F(LeaseTableAskingTest, GrantGivesALeaseComputedFromWhenTheCallWasSent) {
  Start(5s);
  const MonotonicTime sent = now();
  Advance(100ms);
  wait(0).SayGranted(42, /*elapsed=*/60ms);
  EXPECT_EQ(lease().facts().fencing_token, 42U);
  EXPECT_EQ(lease().facts().lease_id, "lease-1");
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 60ms, 30s));
  EXPECT_LT(lease().times().deadline, sent + 30s + 60ms);
  EXPECT_TRUE(Released().empty());
  EXPECT_FALSE(wait(0).cancelled());  // It had ended.
  EXPECT_EQ(world_.loop.alarm(), lease().times().lost_at);
}

TEST_F(LeaseTableAskingTest, ReportsPlacesInTheQueue) {
  Start(5s);
  wait(0).SayQueued(3, "a");
  wait(0).SayQueued(1, "b");
  wait(0).SayGranted(1);
  EXPECT_THAT(positions_, testing::ElementsAre(3, 1));
}

TEST_F(LeaseTableAskingTest, TakesABrokenStreamUpUnderTheSameId) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  Advance(1s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().lease_id, "lease-1");
  EXPECT_LT(wait(1).request().timeout, 4s);
  EXPECT_GT(wait(1).request().timeout, 3800ms);
  wait(1).SayGranted(9);
  EXPECT_EQ(lease().facts().fencing_token, 9U);
}

TEST_F(LeaseTableAskingTest, ComputesFromTheAttemptThatWasAnswered) {
  Start(5s);
  Advance(2s);
  wait(0).SayEnded(Broken());
  Advance(25ms);
  const MonotonicTime sent = now();
  wait(1).SayGranted(9);
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 0s, 30s));
}

TEST_F(LeaseTableAskingTest, TakesANewIdWhenTheOldOneHasEnded) {
  Start(60s);
  wait(0).SayQueued(1, "somebody");
  wait(0).SayEnded(Broken());
  Advance(100ms);
  wait(1).SayEnded(LeaseEnded());
  Advance(100ms);
  ASSERT_EQ(waits(), 3U);
  EXPECT_EQ(wait(2).request().lease_id, "lease-2");
  wait(2).SayGranted(9);
  EXPECT_EQ(lease().facts().lease_id, "lease-2");
  EXPECT_TRUE(Released().empty());  // The server itself has ended lease-1.
}

TEST_F(LeaseTableAskingTest, PausesGrowToASecondWhileTheServerIsAway) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Advance(25ms);
  EXPECT_EQ(waits(), 2U);
  for (int i = 0; i < 15; ++i) {
    wait(waits() - 1).SayEnded(Broken());
    Advance(1s);
  }
  const std::size_t before = waits();
  wait(before - 1).SayEnded(Broken());
  Advance(999ms);
  EXPECT_EQ(waits(), before);
  Advance(1ms);
  EXPECT_EQ(waits(), before + 1);
}

TEST_F(LeaseTableAskingTest, PausesBeginAnewWhenTheServerWasThere) {
  Start(kForever);
  for (std::size_t i = 0; i < 6; ++i) {
    wait(i).SayEnded(Broken());
    Advance(2s);
  }
  ASSERT_EQ(waits(), 7U);
  wait(6).SayQueued(1, "somebody");
  wait(6).SayEnded(Broken());
  Advance(50ms);
  EXPECT_EQ(waits(), 8U);
}

TEST_F(LeaseTableAskingTest, PlaceThatWasLostIsNoWordOfTheNextCall) {
  spec_.connect_timeout = kForever;
  Start(10s);
  wait(0).SayQueued(1, "somebody");
  wait(0).SayEnded(Broken());
  Advance(11s);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status())) << status();
}

TEST_F(LeaseTableAskingTest, WaitsAsLongAsTheServerAsksBeforeTryingAgain) {
  Start(60s);
  absl::Status starting = Refusal(absl::StatusCode::kUnavailable, ErrorReason::kServerStarting);
  SetRetryDelay(starting, 3s);
  wait(0).SayEnded(starting);
  Advance(2900ms);
  EXPECT_EQ(waits(), 1U);
  Advance(200ms);
  EXPECT_EQ(waits(), 2U);
}

TEST_F(LeaseTableAskingTest, TimeoutZeroTriesOnceAndPassesOnWhoHoldsIt) {
  Start(0s);
  EXPECT_EQ(wait(0).request().timeout, 0s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_TRUE(absl::IsAborted(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLockHeld);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
  EXPECT_TRUE(Released().empty());
}

TEST_F(LeaseTableAskingTest, TimeoutZeroDoesNotTryAgainWhenTheCallBreaks) {
  Start(0s);
  wait(0).SayEnded(Broken());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_EQ(waits(), 1U);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, ServerSaysTheTimeoutIsOver) {
  Start(5s);
  Advance(5s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_TRUE(Released().empty());  // The server has ended the id with it.
}

TEST_F(LeaseTableAskingTest, TimeoutHoldsWhenTheServerFallsSilentAfterQueueing) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  Advance(6s);
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
  EXPECT_EQ(ErrorMetadata(status())["fencing_token"], "7");
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, TimeoutWithoutAnyWordFromTheServerIsUnavailable) {
  Start(5s);
  Advance(6s);
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kUnspecified);
}

TEST_F(LeaseTableAskingTest, TimeoutWhileTheServerIsAwayIsUnavailable) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  for (int i = 0; i < 50 && !result_.has_value(); ++i) {
    wait(waits() - 1).SayEnded(Broken());
    Advance(300ms);
  }
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(std::string(status().message()), testing::HasSubstr("connection reset"));
}

TEST_F(LeaseTableAskingTest, LastTryAtTheEndOfTheTimeoutFindsTheLockHeld) {
  Start(1s);
  Advance(990ms);
  wait(0).SayEnded(Broken());
  Advance(10ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().timeout, 0s);
  wait(1).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
}

TEST_F(LeaseTableAskingTest, RefusalIsPassedOnAndLeavesNothingToCleanUp) {
  Start(5s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kInvalidArgument, ErrorReason::kInvalidField));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kInvalidField);
  EXPECT_TRUE(Released().empty());
}

TEST_F(LeaseTableAskingTest, RefusalAfterABrokenCallIsCleanedUpAfter) {
  Start(5s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  wait(1).SayEnded(Refusal(absl::StatusCode::kResourceExhausted, ErrorReason::kLimitExceeded));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLimitExceeded);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

// The call that broke may be waiting on the server still, or arrive there later.
TEST_F(LeaseTableAskingTest, LockHeldAfterABrokenCallIsCleanedUpAfter) {
  Start(1s);
  wait(0).SayQueued(1, "somebody");
  Advance(990ms);
  wait(0).SayEnded(Broken());
  Advance(10ms);
  ASSERT_EQ(waits(), 2U);
  wait(1).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, WaitTimeoutAfterABrokenCallIsCleanedUpAfter) {
  Start(5s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  Advance(4900ms);
  wait(1).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, RefusalOfANewIdHasNothingToDoWithAnOldOneThatBroke) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  wait(1).SayEnded(LeaseEnded());
  Advance(100ms);
  ASSERT_EQ(waits(), 3U);
  wait(2).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_TRUE(Released().empty());
}

TEST_F(LeaseTableAskingTest, CancelWhileTheCallIsOpenReleasesTheId) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, CancelDuringAPauseReleasesTheIdAndSendsNothingMore) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
  releases().back().answer(absl::OkStatus());
  Advance(60s);
  EXPECT_EQ(waits(), 1U);
}

TEST_F(LeaseTableAskingTest, GrantThatMeetsTheCancelIsReleasedAndNotHandedOut) {
  Start(5s);
  Cancel();
  wait(0).SayGranted(42);
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, LeaseWithoutExpiryNeverEnds) {
  spec_.expire = std::nullopt;
  Start(5s);
  wait(0).SayGranted(1);
  EXPECT_EQ(lease().times().deadline, MonotonicTime::max());
}

// --- Leases of which little is left ---------------------------------------------------

TEST_F(LeaseTableAskingTest, RenewsFirstWhenTheMarginOfALongWaitHasEatenTheLease) {
  Start(kForever);
  wait(0).SayQueued(1, "somebody");
  Advance(10h);  // A margin of 72 s.
  wait(0).SayGranted(42, /*elapsed=*/10h);
  EXPECT_FALSE(result_.has_value());
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_EQ(renewals()[0].lease_id, "lease-1");

  const MonotonicTime sent = now();
  renewals()[0].answer(Grant{.fencing_token = 42, .remaining = 30s, .elapsed = 0s});
  EXPECT_EQ(lease().facts().fencing_token, 42U);
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 0s, 30s));
}

TEST_F(LeaseTableAskingTest, RenewsFirstWhenTheGrantIsOld) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 14s, .elapsed = 0s});
  EXPECT_FALSE(result_.has_value());
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseTableAskingTest, DoesNotRenewALeaseOfWhichHalfIsLeft) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 16s, .elapsed = 0s});
  EXPECT_TRUE(result_.has_value());
}

TEST_F(LeaseTableAskingTest, AnOldGrantIsConfirmedUntilASecondAfterTheTimeout) {
  Start(60s);
  wait(0).SayQueued(1, "somebody");
  Advance(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_EQ(renewals()[0].limit, 1s);
}

TEST_F(LeaseTableAskingTest, QueuesAgainWhenTheOldGrantCannotBeRenewed) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  renewals()[0].answer(Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().lease_id, "lease-2");
  wait(1).SayGranted(43);
  EXPECT_EQ(lease().facts().fencing_token, 43U);
}

TEST_F(LeaseTableAskingTest, GrantThatIsLostAfterTheTimeoutSaysWhy) {
  Start(10s);
  wait(0).SayQueued(1, "somebody");
  Advance(10s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  renewals().at(0).answer(
      Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(status())) << status();
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLeaseExpired);
}

// The server does not know the id; a call that broke may still bring it there.
TEST_F(LeaseTableAskingTest, IdThatIsUnknownWhenItsGrantIsConfirmedIsReleasedIfACallBroke) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  wait(1).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  renewals().at(0).answer(Refusal(absl::StatusCode::kNotFound, ErrorReason::kLeaseNotFound));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, IdThatHasEndedWhenItsGrantIsConfirmedIsNotReleased) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Advance(100ms);
  wait(1).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  renewals().at(0).answer(
      Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  EXPECT_TRUE(Released().empty());
}

TEST_F(LeaseTableAskingTest, TriesTheRenewalAgainWhenItBreaks) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  renewals()[0].answer(Broken());
  Advance(100ms);
  ASSERT_EQ(renewals().size(), 2U);
  renewals()[1].answer(Grant{.fencing_token = 42, .remaining = 30s, .elapsed = 0s});
  EXPECT_EQ(lease().facts().fencing_token, 42U);
}

TEST_F(LeaseTableAskingTest, CancelWhileRenewingReleasesTheGrant) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(LeaseTableAskingTest, LeaseThatIsOverWhenItArrivesIsNeverHandedOut) {
  spec_.expire = 10ms;
  Start(60s);
  std::size_t renewed = 0;
  for (int i = 0; i < 10 && !result_.has_value(); ++i) {
    Advance(500ms);  // Longer than the lease, each way.
    const std::size_t last = waits() - 1;
    wait(last).SayGranted(Grant{.fencing_token = 42, .remaining = 10ms, .elapsed = 0s});
    while (renewed < renewals().size()) {
      Advance(500ms);
      renewals()[renewed++].answer(Grant{.fencing_token = 42, .remaining = 10ms, .elapsed = 0s});
    }
  }
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLeaseExpired);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1", "lease-2", "lease-3"));
}

}  // namespace
}  // namespace holdfast::core
