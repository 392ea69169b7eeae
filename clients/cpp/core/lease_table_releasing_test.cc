// The lease table: leases that are given back, and acquires that leave nothing behind.

#include <chrono>
#include <optional>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

class LeaseTableReleasingTest : public LeaseTableTest {
 protected:
  // Of a lease that was held for no time.
  void Release(std::optional<Duration> expire = 30s) {
    spec_.expire = expire;
    Start(5s);
    wait(0).SayGranted(3);
    told_ = LeaseTableTest::Release(/*patience=*/10s);
  }

  Told told_ = std::make_shared<std::optional<absl::Status>>();
};

TEST_F(LeaseTableReleasingTest, TellsTheAnswer) {
  Release();
  EXPECT_EQ(leases_.releasing(), 1U);
  releases().at(0).answer(absl::OkStatus());
  EXPECT_EQ(*told_, absl::OkStatus());
  EXPECT_EQ(leases_.releasing(), 0U);
  EXPECT_FALSE(world_.loop.waits());
}

TEST_F(LeaseTableReleasingTest, TellsThatTheLeaseHadExpired) {
  Release();
  releases().at(0).answer(
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired, "expired"));
  EXPECT_EQ(ReasonOf(**told_), ErrorReason::kLeaseExpired);
  EXPECT_EQ(leases_.releasing(), 0U);
}

TEST_F(LeaseTableReleasingTest, TriesAgainUntilThereIsAnAnswer) {
  Release();
  world_.transport.answer_releases = absl::UnavailableError("no server");
  releases().at(0).answer(absl::UnavailableError("connection reset"));
  Advance(5s);
  EXPECT_EQ(*told_, std::nullopt);
  world_.transport.answer_releases = absl::OkStatus();
  Advance(3s);
  EXPECT_EQ(*told_, absl::OkStatus());
}

TEST_F(LeaseTableReleasingTest, GoesOnBehindTheBackOfACallerWhosePatienceIsOver) {
  Release();
  world_.transport.answer_releases = absl::UnavailableError("no server");
  releases().at(0).answer(absl::UnavailableError("no server"));
  Advance(10s);
  ASSERT_TRUE(told_->has_value());
  EXPECT_TRUE(absl::IsUnavailable(**told_));
  EXPECT_EQ(leases_.releasing(), 1U);
  const std::size_t before = releases().size();
  Advance(5s);
  EXPECT_GT(releases().size(), before);
}

TEST_F(LeaseTableReleasingTest, StopsWhenTheLeaseMustHaveLapsed) {
  Release(/*expire=*/30s);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  releases().at(0).answer(absl::UnavailableError("no server"));
  Advance(31s);
  EXPECT_EQ(leases_.releasing(), 0U);
  EXPECT_FALSE(world_.loop.waits());
}

TEST_F(LeaseTableReleasingTest, AShortLeaseIsReleasedForAsLongAsTheCallerIsPatient) {
  Release(/*expire=*/1s);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  releases().at(0).answer(absl::UnavailableError("no server"));
  Advance(10s - 1ns);
  EXPECT_EQ(leases_.releasing(), 1U);
  Advance(1ns);
  EXPECT_EQ(leases_.releasing(), 0U);
}

TEST_F(LeaseTableReleasingTest, AbandonedIdIsReleasedForHalfAMinute) {
  world_.transport.answer_releases = absl::UnavailableError("no server");
  Start(kForever);
  Cancel();
  Advance(30s - 1ns);
  EXPECT_EQ(leases_.releasing(), 1U);
  Advance(1ns);
  EXPECT_EQ(leases_.releasing(), 0U);
}

TEST_F(LeaseTableReleasingTest, OneTryWaitsFiveSeconds) {
  Release();
  EXPECT_EQ(releases().at(0).limit, 5s);
}

TEST_F(LeaseTableReleasingTest, WaitsAsLongAsTheServerAsksBeforeTryingAgain) {
  Release();
  absl::Status busy = absl::UnavailableError("busy");
  SetRetryDelay(busy, 3s);
  releases().at(0).answer(busy);
  Advance(3s - 1ns);
  EXPECT_EQ(releases().size(), 1U);
  Advance(1ns);
  EXPECT_EQ(releases().size(), 2U);
}

TEST_F(LeaseTableReleasingTest, LeaseWithoutExpiryIsReleasedForMinutes) {
  Release(/*expire=*/std::nullopt);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  releases().at(0).answer(absl::UnavailableError("no server"));
  Advance(4min);
  EXPECT_EQ(leases_.releasing(), 1U);
  Advance(2min);
  EXPECT_EQ(leases_.releasing(), 0U);
}

TEST_F(LeaseTableReleasingTest, KnowsWhenNothingIsPendingAnyMore) {
  bool idle = false;
  world_.InTask([&] {
    leases_.ReleaseId("k", "a", 30s, 10s, nullptr);
    leases_.ReleaseId("k", "b", 30s, 10s, nullptr);
    leases_.WhenNothingIsReleasing([&] { idle = true; });
  });
  releases().at(0).answer(absl::OkStatus());
  EXPECT_FALSE(idle);
  releases().at(1).answer(
      MakeError(absl::StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "unknown"));
  EXPECT_TRUE(idle);
}

TEST_F(LeaseTableReleasingTest, ShutdownInAPauseEndsThePause) {
  Release();
  releases().at(0).answer(absl::UnavailableError("no server"));
  world_.InTask([this] { leases_.StopReleasing(absl::CancelledError("enough")); });
  EXPECT_FALSE(world_.loop.waits());
}

TEST_F(LeaseTableReleasingTest, ShutdownEndsWhatIsUnderWay) {
  Release();
  world_.InTask([this] { leases_.StopReleasing(absl::CancelledError("enough")); });
  ASSERT_TRUE(told_->has_value());
  EXPECT_TRUE(absl::IsCancelled(**told_));
  EXPECT_EQ(leases_.releasing(), 0U);
  EXPECT_FALSE(world_.loop.waits());
}

}  // namespace
}  // namespace holdfast::core
