#include "clients/cpp/core/lease_keeper.h"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/fake_world.h"
#include "clients/cpp/core/renewal.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

constexpr Duration kExpire = 30s;

class LeaseKeeperTest : public testing::Test {
 protected:
  void Keep(bool auto_renew, std::optional<Duration> expire = kExpire) {
    granted_ = world_.scheduler.Now();
    lease_ = std::make_shared<LeaseCore>(
        world_.env.clock,
        LeaseCore::Facts{.key = "k", .lease_id = "id", .fencing_token = 3, .expire = expire},
        ComputeLeaseTimes(granted_, 0s, expire));
    keeper_ = std::make_shared<LeaseKeeper>(world_.env, lease_, auto_renew,
                                            [this](const std::shared_ptr<LeaseCore>& lease) {
                                              EXPECT_EQ(lease, lease_);
                                              signalled_.push_back(world_.scheduler.Now());
                                            });
    world_.InTask([this] { keeper_->Start(); });
  }

  void TearDown() override {
    world_.InTask([this] { keeper_->Stop(); });
    EXPECT_EQ(world_.scheduler.timers(), 0U);
  }

  void AdvanceTo(MonotonicTime time) { world_.scheduler.Advance(time - world_.scheduler.Now()); }

  static Grant Renewed() { return {.fencing_token = 3, .remaining = kExpire, .elapsed = 0s}; }
  auto& renewals() { return world_.transport.renewals; }

  FakeWorld world_;
  MonotonicTime granted_;
  std::shared_ptr<LeaseCore> lease_;
  std::shared_ptr<LeaseKeeper> keeper_;
  std::vector<MonotonicTime> signalled_;
};

TEST_F(LeaseKeeperTest, SignalsTheLossBeforeTheDeadline) {
  Keep(/*auto_renew=*/false);
  world_.scheduler.Advance(60s);
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
  EXPECT_LT(signalled_[0], granted_ + kExpire);
  EXPECT_GT(signalled_[0], granted_ + kExpire - 1s);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_TRUE(renewals().empty());
}

TEST_F(LeaseKeeperTest, RenewsEveryThirdOfTheLeaseOrSomewhatSooner) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = Renewed();
  world_.scheduler.Advance(10 * kExpire);
  EXPECT_GE(renewals().size(), 29U);
  EXPECT_LE(renewals().size(), 37U);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  EXPECT_TRUE(signalled_.empty());
}

TEST_F(LeaseKeeperTest, FirstRenewalComesWithTwoThirdsOfTheLeaseLeft) {
  Keep(/*auto_renew=*/true);
  AdvanceTo(lease_->times().lost_at - 20s - 1ns);
  EXPECT_TRUE(renewals().empty());
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseKeeperTest, ChanceTakesAFifteenthOfTheLeaseOffAtMost) {
  world_.random.fraction = 1.0;
  Keep(/*auto_renew=*/true);
  AdvanceTo(lease_->times().lost_at - 22s - 1ns);
  EXPECT_TRUE(renewals().empty());
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseKeeperTest, AfterARefusalATenthOfTheLeasePasses) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::PermissionDeniedError("who are you?");
  AdvanceTo(lease_->times().lost_at - 20s);
  ASSERT_EQ(renewals().size(), 1U);
  world_.scheduler.Advance(3s - 1ns);
  EXPECT_EQ(renewals().size(), 1U);
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(renewals().size(), 2U);
}

TEST_F(LeaseKeeperTest, FailingRenewalsAreUncertaintyAndNoLoss) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  world_.scheduler.Advance(15s);
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
  EXPECT_GT(renewals().size(), 3U);
  EXPECT_TRUE(signalled_.empty());

  world_.transport.answer_renewals = Renewed();
  world_.scheduler.Advance(2s);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  world_.scheduler.Advance(60s);
  EXPECT_TRUE(signalled_.empty());
}

TEST_F(LeaseKeeperTest, ServerThatIsGoneForGoodIsALossBeforeTheDeadline) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  world_.scheduler.Advance(2 * kExpire);
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
  EXPECT_LE(lease_->times().deadline, granted_ + kExpire);
}

TEST_F(LeaseKeeperTest, ServerThatHangsIsALossBeforeTheDeadline) {
  Keep(/*auto_renew=*/true);
  world_.scheduler.Advance(2 * kExpire);  // The renewal is never answered.
  ASSERT_EQ(signalled_.size(), 1U);
  EXPECT_LT(signalled_[0], lease_->times().deadline);
}

TEST_F(LeaseKeeperTest, EveryRenewalLeavesTimeForAnother) {
  Keep(/*auto_renew=*/true);
  world_.scheduler.Advance(kExpire / 3);
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_LE(renewals()[0].limit, kExpire / 6);
}

TEST_F(LeaseKeeperTest, ServerSaysThatTheLeaseIsOver) {
  Keep(/*auto_renew=*/true);
  const absl::Status forced =
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseForced, "forced");
  world_.transport.answer_renewals = forced;
  world_.scheduler.Advance(kExpire / 3);
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(lease_->status()), ErrorReason::kLeaseForced);
  world_.scheduler.Advance(kExpire);
  EXPECT_EQ(renewals().size(), 1U);
}

TEST_F(LeaseKeeperTest, OddRefusalIsTriedAgainUntilTheEnd) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = absl::PermissionDeniedError("who are you?");
  world_.scheduler.Advance(kExpire / 2);
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
  EXPECT_GE(renewals().size(), 2U);
  world_.scheduler.Advance(kExpire);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseKeeperTest, ProcessThatWasStoppedPastTheDeadlineHasLostItsLease) {
  Keep(/*auto_renew=*/true);
  world_.transport.answer_renewals = Renewed();
  world_.scheduler.Freeze(2 * kExpire);
  EXPECT_EQ(signalled_.size(), 1U);
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
  EXPECT_TRUE(renewals().empty());  // Too late: nothing may bring it back.
}

TEST_F(LeaseKeeperTest, AnswerThatArrivesAfterTheLossChangesNothing) {
  Keep(/*auto_renew=*/true);
  world_.scheduler.Advance(kExpire);
  ASSERT_EQ(signalled_.size(), 1U);
  renewals()[0].answer(Renewed());
  EXPECT_EQ(lease_->state(), LeaseState::kLost);
}

// The process was stopped between the answer and the task that takes it up.
TEST_F(LeaseKeeperTest, AnswerThatIsReadAfterTheDeadlineIsALoss) {
  Keep(/*auto_renew=*/false);
  std::optional<absl::Status> done;
  world_.InTask([&] { keeper_->Renew(10s, [&](absl::Status status) { done = status; }); });
  world_.InTask([&] {
    renewals().at(0).answer(Renewed());
    world_.scheduler.Freeze(2 * kExpire);
  });
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(ReasonOf(*done), ErrorReason::kLeaseExpired);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseKeeperTest, RenewByHandMovesTheDeadline) {
  Keep(/*auto_renew=*/false);
  world_.scheduler.Advance(20s);
  std::optional<absl::Status> done;
  world_.InTask([&] { keeper_->Renew(10s, [&](absl::Status status) { done = status; }); });
  renewals().at(0).answer(Renewed());
  EXPECT_EQ(done, absl::OkStatus());
  world_.scheduler.Advance(20s);
  EXPECT_TRUE(signalled_.empty());
  world_.scheduler.Advance(10s);
  EXPECT_EQ(signalled_.size(), 1U);
}

TEST_F(LeaseKeeperTest, RenewByHandGivesUpInTime) {
  Keep(/*auto_renew=*/false);
  world_.transport.answer_renewals = absl::UnavailableError("no server");
  std::optional<absl::Status> done;
  world_.InTask([&] { keeper_->Renew(5s, [&](absl::Status status) { done = status; }); });
  EXPECT_EQ(done, std::nullopt);
  world_.scheduler.Advance(5s);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*done));
  EXPECT_EQ(lease_->state(), LeaseState::kUncertain);
}

TEST_F(LeaseKeeperTest, RenewByHandWaitsNoLongerThanItsLimitOrTheLease) {
  Keep(/*auto_renew=*/false);
  world_.InTask([this] { keeper_->Renew(2s, [](const absl::Status&) {}); });
  AdvanceTo(lease_->times().lost_at - 3s);
  world_.InTask([this] { keeper_->Renew(10s, [](const absl::Status&) {}); });
  ASSERT_EQ(renewals().size(), 2U);
  EXPECT_EQ(renewals()[0].limit, 2s);
  EXPECT_EQ(renewals()[1].limit, 3s);
}

TEST_F(LeaseKeeperTest, RenewByHandOfALostLeaseSaysSo) {
  Keep(/*auto_renew=*/false);
  world_.scheduler.Advance(kExpire);
  std::optional<absl::Status> done;
  world_.InTask([&] { keeper_->Renew(5s, [&](absl::Status status) { done = status; }); });
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(ReasonOf(*done), ErrorReason::kLeaseExpired);
  EXPECT_TRUE(renewals().empty());
}

TEST_F(LeaseKeeperTest, StopEndsRenewalsThatAreUnderWay) {
  Keep(/*auto_renew=*/false);
  std::optional<absl::Status> done;
  world_.InTask([&] { keeper_->Renew(5s, [&](absl::Status status) { done = status; }); });
  world_.InTask([this] { keeper_->Stop(); });
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(absl::IsCancelled(*done));
  renewals()[0].answer(Renewed());
}

TEST_F(LeaseKeeperTest, LeaseWithoutExpiryHasNoTimers) {
  Keep(/*auto_renew=*/true, /*expire=*/std::nullopt);
  EXPECT_EQ(world_.scheduler.timers(), 0U);
  world_.scheduler.Advance(24h * 365);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
}

TEST(RenewalPolicyTest, AttemptsAndPausesFollowTheLengthOfTheLeaseWithinLimits) {
  const auto of = [](Duration expire) { return RenewalPolicy(expire, MonotonicTime(1h)); };
  EXPECT_EQ(of(1h).attempt_limit, 5s);
  EXPECT_EQ(of(1h).first_pause, 50ms);
  EXPECT_EQ(of(1h).longest_pause, 1s);
  EXPECT_EQ(of(3s).attempt_limit, 500ms);
  EXPECT_EQ(of(3s).first_pause, 50ms);
  EXPECT_EQ(of(3s).longest_pause, 500ms);
  EXPECT_EQ(of(60ms).attempt_limit, 10ms);
  EXPECT_EQ(of(60ms).first_pause, 5ms);
  EXPECT_EQ(of(1ms).attempt_limit, 1ms);
  EXPECT_EQ(of(1ms).give_up_at, MonotonicTime(1h));
}

}  // namespace
}  // namespace holdfast::core
