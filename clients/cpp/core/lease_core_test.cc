#include "clients/cpp/core/lease_core.h"

#include <chrono>

#include "clients/cpp/core/fake_world.h"
#include "gtest/gtest.h"
#include "holdfast/error.h"
#include "tests/support/forked_child.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class LeaseCoreTest : public testing::Test {
 protected:
  LeaseTimes In(Duration span) const {
    return {.deadline = time_.Now() + span + 1s, .lost_at = time_.Now() + span};
  }

  FakeLoop time_;
  LeaseCore lease_{
      time_, {.key = "k", .lease_id = "id", .fencing_token = 3, .expire = 10s}, In(10s)};
};

TEST_F(LeaseCoreTest, IsHeldUntilItIsTimeToSignalTheLoss) {
  EXPECT_EQ(lease_.state(), LeaseState::kHeld);
  time_.Advance(10s - 1ns);
  EXPECT_EQ(lease_.state(), LeaseState::kHeld);
  time_.Advance(1ns);
  EXPECT_EQ(lease_.state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(lease_.status()), ErrorReason::kLeaseExpired);
}

TEST_F(LeaseCoreTest, IsLostInAForkedChild) {
  EXPECT_TRUE(HoldsInChild([this] {
    return lease_.state() == LeaseState::kLost && absl::IsFailedPrecondition(lease_.status()) &&
           lease_.times().deadline == MonotonicTime::min() && lease_.lost().stop_requested();
  }));
  EXPECT_EQ(lease_.state(), LeaseState::kHeld);
  EXPECT_FALSE(lease_.lost().stop_requested());
}

TEST_F(LeaseCoreTest, FailedRenewalIsNoLoss) {
  lease_.MarkUncertain();
  EXPECT_EQ(lease_.state(), LeaseState::kUncertain);
  EXPECT_TRUE(lease_.status().ok());
  EXPECT_TRUE(lease_.Extend(In(10s), time_.Now()));
  EXPECT_EQ(lease_.state(), LeaseState::kHeld);
}

TEST_F(LeaseCoreTest, DeadlineOnlyMovesOn) {
  const LeaseTimes before = lease_.times();
  EXPECT_TRUE(lease_.Extend(In(5s), time_.Now()));
  EXPECT_EQ(lease_.times(), before);
}

TEST_F(LeaseCoreTest, AnswerThatComesTooLateDoesNotBringItBack) {
  time_.Advance(10s);
  EXPECT_FALSE(lease_.Extend(In(10s), time_.Now()));
  EXPECT_EQ(lease_.state(), LeaseState::kLost);
}

TEST_F(LeaseCoreTest, SaysWhyItWasLost) {
  EXPECT_TRUE(lease_.MarkLost(absl::FailedPreconditionError("forced")));
  EXPECT_EQ(lease_.status().message(), "forced");
  EXPECT_FALSE(lease_.Extend(In(10s), time_.Now()));
  lease_.MarkUncertain();
  EXPECT_EQ(lease_.state(), LeaseState::kLost);
}

TEST_F(LeaseCoreTest, ReleasedLeaseCannotBeLost) {
  lease_.MarkReleased(time_.Now());
  time_.Advance(20s);
  EXPECT_EQ(lease_.state(), LeaseState::kReleased);
  EXPECT_FALSE(lease_.MarkLost(absl::FailedPreconditionError("expired")));
  EXPECT_EQ(lease_.state(), LeaseState::kReleased);
  EXPECT_TRUE(lease_.status().ok());
}

TEST_F(LeaseCoreTest, SignalIsWantedOnce) {
  EXPECT_TRUE(lease_.MarkLost(absl::OkStatus()));
  lease_.SignalLost();
  EXPECT_TRUE(lease_.lost().stop_requested());
  EXPECT_FALSE(lease_.MarkLost(absl::OkStatus()));
}

}  // namespace
}  // namespace holdfast::core
