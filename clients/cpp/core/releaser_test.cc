#include "clients/cpp/core/releaser.h"

#include <chrono>
#include <optional>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/fake_world.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class ReleaserTest : public testing::Test {
 protected:
  void Release(std::optional<Duration> expire = 30s) {
    world_.InTask([=, this] {
      releaser_.Release("k", "id", expire, /*patience=*/10s,
                        [this](absl::Status status) { told_ = std::move(status); });
    });
  }
  auto& calls() { return world_.transport.releases; }

  FakeWorld world_;
  Releaser releaser_{world_.env};
  std::optional<absl::Status> told_;
};

TEST_F(ReleaserTest, TellsTheAnswer) {
  Release();
  EXPECT_EQ(releaser_.pending(), 1U);
  calls().at(0).answer(absl::OkStatus());
  EXPECT_EQ(told_, absl::OkStatus());
  EXPECT_EQ(releaser_.pending(), 0U);
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

TEST_F(ReleaserTest, TellsThatTheLeaseHadExpired) {
  Release();
  calls().at(0).answer(
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired, "expired"));
  EXPECT_EQ(ReasonOf(*told_), ErrorReason::kLeaseExpired);
  EXPECT_EQ(releaser_.pending(), 0U);
}

TEST_F(ReleaserTest, TriesAgainUntilThereIsAnAnswer) {
  Release();
  world_.transport.answer_releases = absl::UnavailableError("no server");
  calls().at(0).answer(absl::UnavailableError("connection reset"));
  world_.scheduler.Advance(5s);
  EXPECT_EQ(told_, std::nullopt);
  world_.transport.answer_releases = absl::OkStatus();
  world_.scheduler.Advance(3s);
  EXPECT_EQ(told_, absl::OkStatus());
}

TEST_F(ReleaserTest, GoesOnBehindTheBackOfACallerWhosePatienceIsOver) {
  Release();
  world_.transport.answer_releases = absl::UnavailableError("no server");
  calls().at(0).answer(absl::UnavailableError("no server"));
  world_.scheduler.Advance(10s);
  ASSERT_TRUE(told_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*told_));
  EXPECT_EQ(releaser_.pending(), 1U);
  const std::size_t before = calls().size();
  world_.scheduler.Advance(5s);
  EXPECT_GT(calls().size(), before);
}

TEST_F(ReleaserTest, StopsWhenTheLeaseMustHaveLapsed) {
  Release(/*expire=*/30s);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  calls().at(0).answer(absl::UnavailableError("no server"));
  world_.scheduler.Advance(31s);
  EXPECT_EQ(releaser_.pending(), 0U);
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

TEST_F(ReleaserTest, AShortLeaseIsReleasedForAsLongAsTheCallerIsPatient) {
  Release(/*expire=*/1s);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  calls().at(0).answer(absl::UnavailableError("no server"));
  world_.scheduler.Advance(10s - 1ns);
  EXPECT_EQ(releaser_.pending(), 1U);
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(releaser_.pending(), 0U);
}

TEST_F(ReleaserTest, AbandonedIdIsReleasedForHalfAMinute) {
  world_.transport.answer_releases = absl::UnavailableError("no server");
  world_.InTask([this] { releaser_.Abandon("k", "id"); });
  world_.scheduler.Advance(30s - 1ns);
  EXPECT_EQ(releaser_.pending(), 1U);
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(releaser_.pending(), 0U);
}

TEST_F(ReleaserTest, OneTryWaitsFiveSeconds) {
  Release();
  EXPECT_EQ(calls().at(0).limit, 5s);
}

TEST_F(ReleaserTest, WaitsAsLongAsTheServerAsksBeforeTryingAgain) {
  Release();
  absl::Status busy = absl::UnavailableError("busy");
  SetRetryDelay(busy, 3s);
  calls().at(0).answer(busy);
  world_.scheduler.Advance(3s - 1ns);
  EXPECT_EQ(calls().size(), 1U);
  world_.scheduler.Advance(1ns);
  EXPECT_EQ(calls().size(), 2U);
}

TEST_F(ReleaserTest, LeaseWithoutExpiryIsReleasedForMinutes) {
  Release(/*expire=*/std::nullopt);
  world_.transport.answer_releases = absl::UnavailableError("no server");
  calls().at(0).answer(absl::UnavailableError("no server"));
  world_.scheduler.Advance(4min);
  EXPECT_EQ(releaser_.pending(), 1U);
  world_.scheduler.Advance(2min);
  EXPECT_EQ(releaser_.pending(), 0U);
}

TEST_F(ReleaserTest, KnowsWhenNothingIsPendingAnyMore) {
  bool idle = false;
  world_.InTask([&] {
    releaser_.Abandon("k", "a");
    releaser_.Abandon("k", "b");
    releaser_.WhenIdle([&] { idle = true; });
  });
  calls().at(0).answer(absl::OkStatus());
  EXPECT_FALSE(idle);
  calls().at(1).answer(
      MakeError(absl::StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "unknown"));
  EXPECT_TRUE(idle);
}

TEST_F(ReleaserTest, ShutdownInAPauseEndsThePause) {
  Release();
  calls().at(0).answer(absl::UnavailableError("no server"));
  world_.InTask([this] { releaser_.Shutdown(); });
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

TEST_F(ReleaserTest, ShutdownEndsWhatIsUnderWay) {
  Release();
  world_.InTask([this] { releaser_.Shutdown(); });
  ASSERT_TRUE(told_.has_value());
  EXPECT_TRUE(absl::IsCancelled(*told_));
  EXPECT_EQ(releaser_.pending(), 0U);
  EXPECT_EQ(world_.scheduler.timers(), 0U);
}

}  // namespace
}  // namespace holdfast::core
