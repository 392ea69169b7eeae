// One lock object that several share: whose lease is whose.

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lock_core_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using SharedLockCoreTest = LockCoreTest;

TEST_F(SharedLockCoreTest, EachAcquireIsARequestOfItsOwn) {
  auto lock = NewLock();
  const auto first = Acquire(*lock);
  const auto second = Acquire(*lock);
  ASSERT_EQ(transport_->waits.size(), 2U);
  FakeWait& first_wait = *transport_->waits[0];
  FakeWait& second_wait = *transport_->waits[1];
  EXPECT_NE(first_wait.request().lease_id, second_wait.request().lease_id);
  first_wait.SayGranted(5);
  ASSERT_TRUE(first->has_value());
  EXPECT_FALSE(second->has_value());
  EXPECT_EQ(lock->lease(), first->value().value());

  transport_->answer_releases = absl::OkStatus();
  EXPECT_EQ(**Release(*lock), absl::OkStatus());
  EXPECT_THAT(Released(), testing::ElementsAre(first_wait.request().lease_id));
  EXPECT_EQ(lock->lease(), nullptr);
  second_wait.SayGranted(6);
  EXPECT_EQ(lock->lease(), second->value().value());
  EXPECT_EQ(**Release(*lock), absl::OkStatus());
  EXPECT_EQ(Released().back(), second_wait.request().lease_id);
}

TEST_F(SharedLockCoreTest, SecondAcquireTimesOutByItselfAndLeavesTheFirstAlone) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> held = Granted(*lock, 5);
  const auto second = Acquire(*lock, {}, 2s);
  last_wait().SayQueued(1, "me");
  loop_->Advance(3s);
  EXPECT_EQ(ReasonOf((*second)->status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(lock->lease(), held);
  EXPECT_EQ(held->state(), LeaseState::kHeld);
  EXPECT_THAT(Released(), testing::ElementsAre(last_wait().request().lease_id));
}

TEST_F(SharedLockCoreTest, StopEndsTheAcquireItWasGivenToAlone) {
  auto lock = NewLock();
  std::stop_source stop;
  const auto first = Acquire(*lock);
  const auto second = Acquire(*lock, {stop.get_token()});
  stop.request_stop();
  EXPECT_FALSE(first->has_value());
  EXPECT_TRUE(absl::IsCancelled((*second)->status()));
  transport_->waits[0]->SayGranted(5);
  EXPECT_TRUE((*first)->ok());
}

TEST_F(SharedLockCoreTest, EachThreadMeansItsOwnLease) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5, /*holder=*/1);
  loop_->Advance(60s);  // The first is lost, and the server grants the second.
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6, /*holder=*/2);
  EXPECT_EQ(lock->lease(1), first);
  EXPECT_EQ(lock->OwnLease(1), first);
  EXPECT_EQ(lock->lease(2), second);
  EXPECT_EQ(lock->OwnLease(3), nullptr);
  EXPECT_EQ(lock->lease(3), second);

  std::optional<absl::Status> renewed;
  lock->Renew([&](absl::Status status) { renewed = std::move(status); }, 1);
  EXPECT_EQ(ReasonOf(*renewed), ErrorReason::kLeaseExpired);
  EXPECT_TRUE(transport_->renewals.empty());
  lock->Renew([&](absl::Status status) { renewed = std::move(status); }, 2);
  EXPECT_EQ(transport_->renewals.at(0).lease_id, second->facts().lease_id);

  // The late holder does not free its successor's lock.
  Release(*lock, 1);
  EXPECT_THAT(Released(), testing::ElementsAre(first->facts().lease_id));
  EXPECT_EQ(second->state(), LeaseState::kHeld);
  EXPECT_EQ(lock->lease(1), second);
  EXPECT_EQ(**Release(*lock, 2), absl::OkStatus());
  EXPECT_EQ(second->state(), LeaseState::kReleased);
}

TEST_F(SharedLockCoreTest, ThreadWithoutALeaseReleasesForAnother) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> lease = Granted(*lock, 5, /*holder=*/1);
  EXPECT_EQ(**Release(*lock, 2), absl::OkStatus());
  EXPECT_EQ(lease->state(), LeaseState::kReleased);
  EXPECT_EQ(lock->OwnLease(1), nullptr);
}

TEST_F(SharedLockCoreTest, UnknownHolderWhoComesLateDoesNotEndTheLeaseOfItsSuccessor) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  Granted(*lock, 5);
  loop_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6);
  transport_->answer_releases =
      MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired, "it lapsed");
  EXPECT_EQ(ReasonOf(**Release(*lock)), ErrorReason::kLeaseExpired);
  EXPECT_EQ(second->state(), LeaseState::kHeld);
  // It may have been the second holder who was told. So the other one hears of it as well.
  transport_->answer_releases = absl::OkStatus();
  EXPECT_EQ(ReasonOf(**Release(*lock)), ErrorReason::kLeaseExpired);
  EXPECT_EQ(second->state(), LeaseState::kReleased);
  // And that was it.
  Granted(*lock, 7);
  EXPECT_EQ(**Release(*lock), absl::OkStatus());
}

TEST_F(SharedLockCoreTest, WhoSaysWhichLeaseIsNotInDoubt) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5);
  loop_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6);
  EXPECT_EQ(**ReleaseOnly(*lock, second), absl::OkStatus());
  EXPECT_EQ(lock->lease(), first);
  EXPECT_EQ(**ReleaseOnly(*lock, first), absl::OkStatus());  // As the server has said here.
  EXPECT_TRUE(absl::IsFailedPrecondition(**ReleaseOnly(*lock, first)));
}

TEST_F(SharedLockCoreTest, KnownHolderIsNotInDoubtAboutItsOwn) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  Granted(*lock, 5, /*holder=*/1);
  loop_->Advance(60s);
  Granted(*lock, 6, /*holder=*/2);
  Release(*lock, /*holder=*/3);  // The oldest: the first.
  EXPECT_EQ(**Release(*lock, 2), absl::OkStatus());
}

TEST_F(SharedLockCoreTest, GrantTellsTheEarlierHolderThatItsLeaseHasEnded) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5);
  // Ended by force, say, and the holder has not heard of it.
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6);
  EXPECT_EQ(first->state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(first->status()), ErrorReason::kLeaseEnded);
  client_->FlushUserCode();
  EXPECT_TRUE(first->lost().stop_requested());
  EXPECT_EQ(second->state(), LeaseState::kHeld);
}

TEST_F(SharedLockCoreTest, GrantThatCameLateIsTheOneThatHasEnded) {
  auto lock = NewLock();
  const auto late = Acquire(*lock);
  const std::shared_ptr<LeaseCore> newer = Granted(*lock, 6);
  transport_->waits[0]->SayGranted(5);
  EXPECT_EQ(newer->state(), LeaseState::kHeld);
  EXPECT_EQ(lock->lease(), newer);
  EXPECT_EQ((***late)->state(), LeaseState::kLost);
}

TEST_F(SharedLockCoreTest, DetachTakesTheLeaseThatReleaseWould) {
  auto lock = NewLock();
  Granted(*lock, 5, /*holder=*/1);
  loop_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6, /*holder=*/2);
  EXPECT_EQ(ReasonOf((*Detach(*lock))->status()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(***Detach(*lock, 2), second);
  EXPECT_EQ(lock->lease(), nullptr);
}

TEST_F(SharedLockCoreTest, CloseEndsAllAcquiresAndAllLeases) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5);
  loop_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6);
  const auto third = Acquire(*lock);
  const auto fourth = Acquire(*lock);
  std::optional<absl::Status> closed;
  lock->Close([&](absl::Status status) { closed = std::move(status); });
  EXPECT_TRUE(absl::IsCancelled((*third)->status()));
  EXPECT_TRUE(absl::IsCancelled((*fourth)->status()));
  EXPECT_EQ(lock->lease(), nullptr);
  ASSERT_EQ(transport_->releases.size(), 4U);
  EXPECT_EQ(Released()[2], first->facts().lease_id);
  EXPECT_EQ(Released()[3], second->facts().lease_id);
  // The lock that is held is what is waited for.
  transport_->releases[2].answer(absl::OkStatus());
  EXPECT_FALSE(closed.has_value());
  transport_->releases[3].answer(absl::OkStatus());
  EXPECT_EQ(closed, absl::OkStatus());
}

TEST_F(SharedLockCoreTest, ShutdownEndsAllAcquiresOfALock) {
  transport_->answer_releases = absl::OkStatus();
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> lease = Granted(*lock, 5);
  const auto first = Acquire(*lock);
  const auto second = Acquire(*lock);
  Shutdown();
  EXPECT_TRUE(absl::IsCancelled((*first)->status()));
  EXPECT_TRUE(absl::IsCancelled((*second)->status()));
  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_EQ(transport_->releases.size(), 3U);
}

// The client lets go of a lock that does nothing any more.
TEST_F(SharedLockCoreTest, LockThatHasFailedToAcquireTwiceIsFreed) {
  auto lock = NewLock();
  const std::weak_ptr<LockCore> alive = lock;
  Acquire(*lock, {}, 0s);
  Acquire(*lock, {}, 0s);
  const auto refuse = [&](std::size_t wait) {
    transport_->waits[wait]->SayEnded(
        MakeError(absl::StatusCode::kAborted, ErrorReason::kLockHeld, "held"));
  };
  lock = nullptr;
  refuse(0);
  EXPECT_FALSE(alive.expired());
  refuse(1);
  transport_->waits.clear();
  EXPECT_TRUE(alive.expired());
}

TEST_F(SharedLockCoreTest, LostLeaseStaysUntilItIsReleasedAndIsInNobodysWay) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> lost = Granted(*lock, 5);
  loop_->Advance(60s);
  EXPECT_EQ(lock->lease(), lost);
  EXPECT_EQ(lost->state(), LeaseState::kLost);
  EXPECT_FALSE(Acquire(*lock)->has_value());  // It has begun.
}

}  // namespace
}  // namespace holdfast::core
