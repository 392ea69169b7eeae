#include "clients/cpp/core/acquire_op.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clients/cpp/core/acquire_op_fixture.h"
#include "clients/cpp/core/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

TEST_F(AcquireOpTest, AsksForWhatTheLockIs) {
  Start(5s);
  const WaitRequest& request = wait(0).request();
  EXPECT_EQ(request.key, "k");
  EXPECT_EQ(request.lease_id, "lease-1");
  EXPECT_EQ(request.expire, 30s);
  EXPECT_EQ(request.tags, std::vector<std::string>{"t"});
  EXPECT_EQ(request.owner, "me");
  EXPECT_EQ(request.timeout, 5s);
}

TEST_F(AcquireOpTest, WaitsWithoutALimitForEver) {
  Start(kForever);
  EXPECT_EQ(wait(0).request().timeout, std::nullopt);
  world_.scheduler.Advance(24h * 1000);
  EXPECT_FALSE(result_.has_value());
}

TEST_F(AcquireOpTest, KeepsATimeoutThatIsTooLongForTheApiByItself) {
  Start(24h * 400);
  EXPECT_EQ(wait(0).request().timeout, std::nullopt);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(24h * 400 + 2s);
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
}

TEST_F(AcquireOpTest, GrantGivesALeaseComputedFromWhenTheCallWasSent) {
  Start(5s);
  const MonotonicTime sent = world_.scheduler.Now();
  world_.scheduler.Advance(100ms);
  wait(0).SayGranted(42, /*elapsed=*/60ms);
  EXPECT_EQ(lease().facts().fencing_token, 42U);
  EXPECT_EQ(lease().facts().lease_id, "lease-1");
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 60ms, 30s));
  EXPECT_LT(lease().times().deadline, sent + 30s + 60ms);
  EXPECT_TRUE(Released().empty());
  EXPECT_FALSE(wait(0).cancelled());  // It had ended.
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

TEST_F(AcquireOpTest, ReportsPlacesInTheQueue) {
  Start(5s);
  wait(0).SayQueued(3, "a");
  wait(0).SayQueued(1, "b");
  wait(0).SayGranted(1);
  EXPECT_THAT(positions_, testing::ElementsAre(3, 1));
}

TEST_F(AcquireOpTest, TakesABrokenStreamUpUnderTheSameId) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(1s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().lease_id, "lease-1");
  EXPECT_LT(wait(1).request().timeout, 4s);
  EXPECT_GT(wait(1).request().timeout, 3800ms);
  wait(1).SayGranted(9);
  EXPECT_EQ(lease().facts().fencing_token, 9U);
}

TEST_F(AcquireOpTest, ComputesFromTheAttemptThatWasAnswered) {
  Start(5s);
  world_.scheduler.Advance(2s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(25ms);
  const MonotonicTime sent = world_.scheduler.Now();
  wait(1).SayGranted(9);
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 0s, 30s));
}

TEST_F(AcquireOpTest, TakesANewIdWhenTheOldOneHasEnded) {
  Start(60s);
  wait(0).SayQueued(1, "somebody");
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  wait(1).SayEnded(LeaseEnded());
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(waits(), 3U);
  EXPECT_EQ(wait(2).request().lease_id, "lease-2");
  wait(2).SayGranted(9);
  EXPECT_EQ(lease().facts().lease_id, "lease-2");
  EXPECT_TRUE(Released().empty());  // The server itself has ended lease-1.
}

TEST_F(AcquireOpTest, PausesGrowToASecondWhileTheServerIsAway) {
  Start(60s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(25ms);
  EXPECT_EQ(waits(), 2U);
  for (int i = 0; i < 15; ++i) {
    wait(waits() - 1).SayEnded(Broken());
    world_.scheduler.Advance(1s);
  }
  const std::size_t before = waits();
  wait(before - 1).SayEnded(Broken());
  world_.scheduler.Advance(999ms);
  EXPECT_EQ(waits(), before);
  world_.scheduler.Advance(1ms);
  EXPECT_EQ(waits(), before + 1);
}

TEST_F(AcquireOpTest, PausesBeginAnewWhenTheServerWasThere) {
  Start(kForever);
  for (std::size_t i = 0; i < 6; ++i) {
    wait(i).SayEnded(Broken());
    world_.scheduler.Advance(2s);
  }
  ASSERT_EQ(waits(), 7U);
  wait(6).SayQueued(1, "somebody");
  wait(6).SayEnded(Broken());
  world_.scheduler.Advance(50ms);
  EXPECT_EQ(waits(), 8U);
}

TEST_F(AcquireOpTest, PlaceThatWasLostIsNoWordOfTheNextCall) {
  spec_.connect_timeout = kForever;
  Start(10s);
  wait(0).SayQueued(1, "somebody");
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(11s);
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(status())) << status();
}

TEST_F(AcquireOpTest, WaitsAsLongAsTheServerAsksBeforeTryingAgain) {
  Start(60s);
  absl::Status starting = Refusal(absl::StatusCode::kUnavailable, ErrorReason::kServerStarting);
  SetRetryDelay(starting, 3s);
  wait(0).SayEnded(starting);
  world_.scheduler.Advance(2900ms);
  EXPECT_EQ(waits(), 1U);
  world_.scheduler.Advance(200ms);
  EXPECT_EQ(waits(), 2U);
}

TEST_F(AcquireOpTest, TimeoutZeroTriesOnceAndPassesOnWhoHoldsIt) {
  Start(0s);
  EXPECT_EQ(wait(0).request().timeout, 0s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_TRUE(absl::IsAborted(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLockHeld);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
  EXPECT_TRUE(Released().empty());
}

TEST_F(AcquireOpTest, TimeoutZeroDoesNotTryAgainWhenTheCallBreaks) {
  Start(0s);
  wait(0).SayEnded(Broken());
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_EQ(waits(), 1U);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, ServerSaysTheTimeoutIsOver) {
  Start(5s);
  world_.scheduler.Advance(5s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_TRUE(Released().empty());  // The server has ended the id with it.
}

TEST_F(AcquireOpTest, TimeoutHoldsWhenTheServerFallsSilentAfterQueueing) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(6s);
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
  EXPECT_EQ(ErrorMetadata(status())["fencing_token"], "7");
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, TimeoutWithoutAnyWordFromTheServerIsUnavailable) {
  Start(5s);
  world_.scheduler.Advance(6s);
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kUnspecified);
}

TEST_F(AcquireOpTest, TimeoutWhileTheServerIsAwayIsUnavailable) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  for (int i = 0; i < 50 && !result_.has_value(); ++i) {
    wait(waits() - 1).SayEnded(Broken());
    world_.scheduler.Advance(300ms);
  }
  EXPECT_TRUE(absl::IsUnavailable(status()));
  EXPECT_THAT(std::string(status().message()), testing::HasSubstr("connection reset"));
}

TEST_F(AcquireOpTest, LastTryAtTheEndOfTheTimeoutFindsTheLockHeld) {
  Start(1s);
  world_.scheduler.Advance(990ms);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(10ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().timeout, 0s);
  wait(1).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status()));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(status())["owner"], "somebody");
}

TEST_F(AcquireOpTest, RefusalIsPassedOnAndLeavesNothingToCleanUp) {
  Start(5s);
  wait(0).SayEnded(Refusal(absl::StatusCode::kInvalidArgument, ErrorReason::kInvalidField));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kInvalidField);
  EXPECT_TRUE(Released().empty());
}

TEST_F(AcquireOpTest, RefusalAfterABrokenCallIsCleanedUpAfter) {
  Start(5s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  wait(1).SayEnded(Refusal(absl::StatusCode::kResourceExhausted, ErrorReason::kLimitExceeded));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLimitExceeded);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

// The call that broke may be waiting on the server still, or arrive there later.
TEST_F(AcquireOpTest, LockHeldAfterABrokenCallIsCleanedUpAfter) {
  Start(1s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(990ms);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(10ms);
  ASSERT_EQ(waits(), 2U);
  wait(1).SayEnded(Refusal(absl::StatusCode::kAborted, ErrorReason::kLockHeld));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, WaitTimeoutAfterABrokenCallIsCleanedUpAfter) {
  Start(5s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  world_.scheduler.Advance(4900ms);
  wait(1).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kWaitTimeout);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, RefusalOfANewIdHasNothingToDoWithAnOldOneThatBroke) {
  Start(60s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  wait(1).SayEnded(LeaseEnded());
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(waits(), 3U);
  wait(2).SayEnded(Refusal(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout));
  EXPECT_TRUE(Released().empty());
}

TEST_F(AcquireOpTest, CancelWhileTheCallIsOpenReleasesTheId) {
  Start(5s);
  wait(0).SayQueued(1, "somebody");
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_TRUE(wait(0).cancelled());
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, CancelDuringAPauseReleasesTheIdAndSendsNothingMore) {
  Start(60s);
  wait(0).SayEnded(Broken());
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
  world_.transport.releases.back().answer(absl::OkStatus());
  world_.scheduler.Advance(60s);
  EXPECT_EQ(waits(), 1U);
}

TEST_F(AcquireOpTest, GrantThatMeetsTheCancelIsReleasedAndNotHandedOut) {
  Start(5s);
  Cancel();
  wait(0).SayGranted(42);
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, LeaseWithoutExpiryNeverEnds) {
  spec_.expire = std::nullopt;
  Start(5s);
  wait(0).SayGranted(1);
  EXPECT_EQ(lease().times().deadline, MonotonicTime::max());
}

// --- Leases of which little is left ---------------------------------------------------

TEST_F(AcquireOpTest, RenewsFirstWhenTheMarginOfALongWaitHasEatenTheLease) {
  Start(kForever);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(10h);  // A margin of 72 s.
  wait(0).SayGranted(42, /*elapsed=*/10h);
  EXPECT_FALSE(result_.has_value());
  ASSERT_EQ(world_.transport.renewals.size(), 1U);
  EXPECT_EQ(world_.transport.renewals[0].lease_id, "lease-1");

  const MonotonicTime sent = world_.scheduler.Now();
  world_.transport.renewals[0].answer(Grant{.fencing_token = 42, .remaining = 30s, .elapsed = 0s});
  EXPECT_EQ(lease().facts().fencing_token, 42U);
  EXPECT_EQ(lease().times(), ComputeLeaseTimes(sent, 0s, 30s));
}

TEST_F(AcquireOpTest, RenewsFirstWhenTheGrantIsOld) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 14s, .elapsed = 0s});
  EXPECT_FALSE(result_.has_value());
  EXPECT_EQ(world_.transport.renewals.size(), 1U);
}

TEST_F(AcquireOpTest, DoesNotRenewALeaseOfWhichHalfIsLeft) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 16s, .elapsed = 0s});
  EXPECT_TRUE(result_.has_value());
}

TEST_F(AcquireOpTest, AnOldGrantIsConfirmedUntilASecondAfterTheTimeout) {
  Start(60s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  ASSERT_EQ(world_.transport.renewals.size(), 1U);
  EXPECT_EQ(world_.transport.renewals[0].limit, 1s);
}

TEST_F(AcquireOpTest, QueuesAgainWhenTheOldGrantCannotBeRenewed) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.transport.renewals[0].answer(
      Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(waits(), 2U);
  EXPECT_EQ(wait(1).request().lease_id, "lease-2");
  wait(1).SayGranted(43);
  EXPECT_EQ(lease().facts().fencing_token, 43U);
}

TEST_F(AcquireOpTest, GrantThatIsLostAfterTheTimeoutSaysWhy) {
  Start(10s);
  wait(0).SayQueued(1, "somebody");
  world_.scheduler.Advance(10s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.transport.renewals.at(0).answer(
      Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  ASSERT_TRUE(result_.has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(status())) << status();
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLeaseExpired);
}

// The server does not know the id; a call that broke may still bring it there.
TEST_F(AcquireOpTest, IdThatIsUnknownWhenItsGrantIsConfirmedIsReleasedIfACallBroke) {
  Start(60s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  wait(1).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.transport.renewals.at(0).answer(
      Refusal(absl::StatusCode::kNotFound, ErrorReason::kLeaseNotFound));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, IdThatHasEndedWhenItsGrantIsConfirmedIsNotReleased) {
  Start(60s);
  wait(0).SayEnded(Broken());
  world_.scheduler.Advance(100ms);
  wait(1).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.transport.renewals.at(0).answer(
      Refusal(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired));
  EXPECT_TRUE(Released().empty());
}

TEST_F(AcquireOpTest, TriesTheRenewalAgainWhenItBreaks) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  world_.transport.renewals[0].answer(Broken());
  world_.scheduler.Advance(100ms);
  ASSERT_EQ(world_.transport.renewals.size(), 2U);
  world_.transport.renewals[1].answer(Grant{.fencing_token = 42, .remaining = 30s, .elapsed = 0s});
  EXPECT_EQ(lease().facts().fencing_token, 42U);
}

TEST_F(AcquireOpTest, CancelWhileRenewingReleasesTheGrant) {
  Start(60s);
  wait(0).SayGranted(Grant{.fencing_token = 42, .remaining = 1s, .elapsed = 0s});
  Cancel();
  EXPECT_TRUE(absl::IsCancelled(status()));
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1"));
}

TEST_F(AcquireOpTest, LeaseThatIsOverWhenItArrivesIsNeverHandedOut) {
  spec_.expire = 10ms;
  Start(60s);
  std::size_t renewed = 0;
  for (int i = 0; i < 10 && !result_.has_value(); ++i) {
    world_.scheduler.Advance(500ms);  // Longer than the lease, each way.
    const std::size_t last = waits() - 1;
    wait(last).SayGranted(Grant{.fencing_token = 42, .remaining = 10ms, .elapsed = 0s});
    while (renewed < world_.transport.renewals.size()) {
      world_.scheduler.Advance(500ms);
      world_.transport.renewals[renewed++].answer(
          Grant{.fencing_token = 42, .remaining = 10ms, .elapsed = 0s});
    }
  }
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(ReasonOf(status()), ErrorReason::kLeaseExpired);
  EXPECT_THAT(Released(), testing::ElementsAre("lease-1", "lease-2", "lease-3"));
}

}  // namespace
}  // namespace holdfast::core
