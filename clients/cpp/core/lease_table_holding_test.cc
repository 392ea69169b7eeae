// The lease table: a lease while it is held, renewed and lost.

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

constexpr Duration kExpire = 30s;

class LeaseTableHoldingTest : public LeaseTableTest {
 protected:
  void Hold(bool auto_renew, std::optional<Duration> expire = kExpire) {
    spec_.auto_renew = auto_renew;
    spec_.expire = expire;
    granted_ = now();
    Start(5s);
    wait(0).SayGranted(3);
    lease_ = result_->value();
  }

  void TearDown() override {
    world_.transport.answer_releases = absl::OkStatus();
    if (!detached_) Release();
    EXPECT_FALSE(world_.loop.waits());
  }

  static Grant Renewed() { return {.fencing_token = 3, .remaining = kExpire, .elapsed = 0s}; }

  MonotonicTime granted_;
  std::shared_ptr<LeaseCore> lease_;
  bool detached_ = false;  // Or released by the test itself.
};

TEST_F(LeaseTableHoldingTest, SignalsTheLossBeforeTheDeadline) {
  Hold(/*auto_renew=*/false);
  Advance(60s);
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
  EXPECT_LT(signalled_[0], granted_ + kExpire);
  EXPECT_GT(signalled_[0], granted_ + kExpire - 1s);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_TRUE(renewals().empty());
}

TEST_F(LeaseTableHoldingTest, RenewsEveryThirdOfTheLeaseOrSomewhatSooner) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = Renewed();
  Advance(10 * kExpire);
  EXPECT_GE(renewals().size(), 29U);
  EXPECT_LE(renewals().size(), 37U);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  EXPECT_TRUE(signalled_.empty());
}

TEST_F(LeaseTableHoldingTest, FirstRenewalComesWithTwoThirdsOfTheLeaseLeft) {
  Hold(/*auto_renew=*/true);
  AdvanceTo(lease_->times().lost_at - 20s - 1ns);
  EXPECT_TRUE(renewals().empty());
  Advance(1ns);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseTableHoldingTest, ChanceTakesAFifteenthOfTheLeaseOffAtMost) {
  world_.random.fraction = 1.0;
  Hold(/*auto_renew=*/true);
  AdvanceTo(lease_->times().lost_at - 22s - 1ns);
  EXPECT_TRUE(renewals().empty());
  Advance(1ns);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseTableHoldingTest, AfterARefusalATenthOfTheLeasePasses) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::PermissionDeniedError("who are you?");
  AdvanceTo(lease_->times().lost_at - 20s);
  ASSERT_EQ(renewals().size(), 1U);
  Advance(3s - 1ns);
  EXPECT_EQ(renewals().size(), 1U);
  Advance(1ns);
  EXPECT_EQ(renewals().size(), 2U);
}

TEST_F(LeaseTableHoldingTest, FailingRenewalsAreUncertaintyAndNoLoss) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  Advance(15s);
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
  EXPECT_GT(renewals().size(), 3U);
  EXPECT_TRUE(signalled_.empty());

  world_.transport.answer_renewals = Renewed();
  Advance(2s);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  Advance(60s);
  EXPECT_TRUE(signalled_.empty());
}

TEST_F(LeaseTableHoldingTest, ServerThatIsGoneForGoodIsALossBeforeTheDeadline) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  Advance(2 * kExpire);
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
  EXPECT_LE(lease_->times().deadline, granted_ + kExpire);
}

TEST_F(LeaseTableHoldingTest, ServerThatHangsIsALossBeforeTheDeadline) {
  Hold(/*auto_renew=*/true);
  Advance(2 * kExpire);  // The renewal is never answered.
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
}

TEST_F(LeaseTableHoldingTest, EveryRenewalLeavesTimeForAnother) {
  Hold(/*auto_renew=*/true);
  Advance(kExpire / 3);
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_LE(renewals()[0].limit, kExpire / 6);
}

TEST_F(LeaseTableHoldingTest, ServerSaysThatTheLeaseIsOver) {
  Hold(/*auto_renew=*/true);
  const absl::Status forced =
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseForced, "forced");
  world_.transport.answer_renewals = forced;
  Advance(kExpire / 3);
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(lease_->status()), ErrorReason::kLeaseForced);
  Advance(kExpire);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseTableHoldingTest, ServerSaysUnaskedThatTheLeaseIsOver) {
  Hold(/*auto_renew=*/true);
  const Told renewed = Renew(5s);
  world_.transport.say_lease_ended("lease-7", LeaseEnded());  // Somebody else's.
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  const absl::Status forced =
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseForced, "forced");
  world_.transport.say_lease_ended("lease-1", forced);
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->status(), forced);
  EXPECT_EQ(**renewed, forced);
  EXPECT_FALSE(world_.loop.waits());
  // Said once more, or answered late.
  world_.transport.say_lease_ended("lease-1", LeaseEnded());
  renewals().at(0).answer(Renewed());
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->status(), forced);
  // The server may have forgotten why.
  const Told released = Release();
  detached_ = true;
  EXPECT_EQ(**released, forced);
  EXPECT_TRUE(releases().empty());
}

TEST_F(LeaseTableHoldingTest, EndOfALeaseThatWasDetachedIsNobodysLoss) {
  Hold(/*auto_renew=*/true);
  world_.InTask([this] { leases_.Detach(claim_); });
  detached_ = true;
  world_.transport.say_lease_ended("lease-1", LeaseEnded());
  EXPECT_TRUE(signalled_.empty());
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
}

TEST_F(LeaseTableHoldingTest, OddRefusalIsTriedAgainUntilTheEnd) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::PermissionDeniedError("who are you?");
  Advance(kExpire / 2);
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
  EXPECT_GE(renewals().size(), 2U);
  Advance(kExpire);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseTableHoldingTest, ProcessThatWasStoppedPastTheDeadlineHasLostItsLease) {
  Hold(/*auto_renew=*/true);
  world_.transport.answer_renewals = Renewed();
  world_.loop.Freeze(2 * kExpire);
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_TRUE(renewals().empty());  // Too late: nothing may bring it back.
}

TEST_F(LeaseTableHoldingTest, AnswerThatArrivesAfterTheLossChangesNothing) {
  Hold(/*auto_renew=*/true);
  Advance(kExpire);
  ASSERT_EQ(signalled_.size(), 1U);
  renewals()[0].answer(Renewed());
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
}

// The process was stopped between the answer and the task that takes it up.
TEST_F(LeaseTableHoldingTest, AnswerThatIsReadAfterTheDeadlineIsALoss) {
  Hold(/*auto_renew=*/false);
  const Told done = Renew(10s);
  world_.InTask([&] {
    renewals().at(0).answer(Renewed());
    world_.loop.Freeze(2 * kExpire);
  });
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(ReasonOf(**done), ErrorReason::kLeaseExpired);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseTableHoldingTest, RenewByHandMovesTheDeadline) {
  Hold(/*auto_renew=*/false);
  Advance(20s);
  const Told done = Renew(10s);
  renewals().at(0).answer(Renewed());
  EXPECT_EQ(*done, absl::OkStatus());
  Advance(20s);
  EXPECT_TRUE(signalled_.empty());
  Advance(10s);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseTableHoldingTest, RenewByHandGivesUpInTime) {
  Hold(/*auto_renew=*/false);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  const Told done = Renew(5s);
  EXPECT_EQ(*done, std::nullopt);
  Advance(5s);
  ASSERT_TRUE(done->has_value());
  EXPECT_TRUE(absl::IsUnavailable(**done));
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
}

TEST_F(LeaseTableHoldingTest, RenewByHandWaitsNoLongerThanItsLimitOrTheLease) {
  Hold(/*auto_renew=*/false);
  Renew(2s);
  AdvanceTo(lease_->times().lost_at - 3s);
  Renew(10s);
  ASSERT_EQ(renewals().size(), 2U);
  EXPECT_EQ(renewals()[0].limit, 2s);
  EXPECT_EQ(renewals()[1].limit, 3s);
}

TEST_F(LeaseTableHoldingTest, RenewByHandOfALostLeaseSaysSo) {
  Hold(/*auto_renew=*/false);
  Advance(kExpire);
  const Told done = Renew(5s);
  ASSERT_TRUE(done->has_value());
  EXPECT_EQ(ReasonOf(**done), ErrorReason::kLeaseExpired);
  EXPECT_TRUE(renewals().empty());
}

TEST_F(LeaseTableHoldingTest, RenewalsByHandAndByItselfMayBeUnderWayTogether) {
  Hold(/*auto_renew=*/true);
  AdvanceTo(lease_->times().lost_at - 20s - 1ns);
  const Told done = Renew(10s);
  Advance(1ns);
  ASSERT_EQ(renewals().size(), 2U);
  renewals()[0].answer(Renewed());
  EXPECT_EQ(*done, absl::OkStatus());
  renewals()[1].answer(Renewed());
  world_.transport.answer_renewals = Renewed();
  Advance(kExpire / 3 + 1s);
  EXPECT_EQ(renewals().size(), 3U) << "and it goes on renewing";
}

TEST_F(LeaseTableHoldingTest, StopEndsRenewalsThatAreUnderWay) {
  Hold(/*auto_renew=*/false);
  const Told done = Renew(5s);
  world_.InTask([this] { leases_.Detach(claim_); });
  detached_ = true;
  EXPECT_THAT(world_.transport.detached, testing::ElementsAre("lease-1"));
  ASSERT_TRUE(done->has_value());
  EXPECT_TRUE(absl::IsCancelled(**done));
  renewals()[0].answer(Renewed());
}

// The server grants no more than is left of it, however often it is asked.
TEST_F(LeaseTableHoldingTest, RenewalsGoOnAtLeisureUntilTheLongestHoldIsOver) {
  spec_.max_hold = 60s;
  Hold(/*auto_renew=*/true);
  EXPECT_EQ(wait(0).request().max_hold, 60s);
  EXPECT_FALSE(wait(0).request().bound);
  const MonotonicTime end = granted_ + 60s;
  while (lease_->state() == LeaseState::kHeld) {
    Advance(100ms);
    for (auto& call : renewals()) {
      if (!call.answer) continue;
      std::exchange(call.answer, nullptr)(
          Grant{.fencing_token = 3, .remaining = std::min<Duration>(kExpire, end - now())});
    }
  }
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], end);
  EXPECT_GT(signalled_[0], end - 1s);
  EXPECT_LT(renewals().size(), 20U);
}

TEST_F(LeaseTableHoldingTest, LeaseWithoutExpiryHasNoTimers) {
  Hold(/*auto_renew=*/true, /*expire=*/std::nullopt);
  EXPECT_FALSE(world_.loop.waits());
  Advance(24h * 365);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
}

struct RenewalCase {
  Duration expire;
  Duration limit;          // Of one try.
  Duration first_pause;    // Before the second.
  Duration longest_pause;  // Before a late one.
};

class RenewalTriesTest : public LeaseTableTest, public testing::WithParamInterface<RenewalCase> {};

TEST_P(RenewalTriesTest, LimitsAndPausesFollowTheLengthOfTheLease) {
  spec_.expire = GetParam().expire;
  Start(5s);
  wait(0).SayGranted(3);
  Renew(1h);
  EXPECT_EQ(renewals().at(0).limit, GetParam().limit);
  const auto expect_pause = [this](Duration pause) {
    const std::size_t before = renewals().size();
    renewals().back().answer(Broken());
    Advance(pause - 1ns);
    EXPECT_EQ(renewals().size(), before);
    Advance(1ns);
    EXPECT_EQ(renewals().size(), before + 1);
  };
  // Chance is at its least, which halves them.
  expect_pause(GetParam().first_pause / 2);
  for (int i = 0; i < 7; ++i) {
    renewals().back().answer(Broken());
    Advance(GetParam().longest_pause / 2);
  }
  expect_pause(GetParam().longest_pause / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Lengths, RenewalTriesTest,
    testing::Values(
        RenewalCase{.expire = 1h, .limit = 5s, .first_pause = 50ms, .longest_pause = 1s},
        RenewalCase{.expire = 18s, .limit = 3s, .first_pause = 50ms, .longest_pause = 1s},
        RenewalCase{.expire = 3s, .limit = 500ms, .first_pause = 50ms, .longest_pause = 500ms}));

}  // namespace
}  // namespace holdfast::core
