// LockCore and ClientCore: what a lock object allows, and how a client ends.

#include "clients/cpp/core/lock_core.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/fake_world.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class LockCoreTest : public testing::Test {
 protected:
  LockCoreTest() {
    auto scheduler = std::make_unique<FakeScheduler>();
    auto transport = std::make_unique<FakeTransport>();
    scheduler_ = scheduler.get();
    transport_ = transport.get();
    ClientCore::Parts parts{.scheduler = std::move(scheduler),
                            .transport = std::move(transport),
                            .callbacks = *Dispatcher::Create("calls"),
                            .signals = *Dispatcher::Create("lost"),
                            .clock = scheduler_,
                            .random = &random_};
    client_ = std::make_shared<ClientCore>(std::move(parts), "unix:/nowhere",
                                           ClientOptions{.owner = "test"});
  }

  ~LockCoreTest() override {
    if (shut_down_) return;
    transport_->answer_releases = absl::OkStatus();
    for (auto& call : transport_->releases) {
      if (call.answer) call.answer(absl::OkStatus());
    }
    Shutdown();
  }

  void Shutdown() {
    shut_down_ = true;
    client_->Shutdown();
  }

  std::shared_ptr<LockCore> NewLock(LockOptions options = {.expire = 30s}) {
    return std::make_shared<LockCore>(client_, "k", std::move(options));
  }

  // Begins to acquire; the result comes to *result.
  static std::shared_ptr<std::optional<AcquireResult>> Acquire(LockCore& lock, StopTokens stop = {},
                                                               Duration timeout = 10s,
                                                               Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<AcquireResult>>();
    lock.Acquire({.timeout = timeout,
                  .holder = holder,
                  .stop = std::move(stop),
                  .reporter = lock.NewReporter()},
                 [result](AcquireResult r) { *result = std::move(r); });
    return result;
  }

  // The lease of an acquire that is granted at once.
  std::shared_ptr<LeaseCore> Granted(LockCore& lock, std::uint64_t token,
                                     Holder holder = kNobodyKnown) {
    const auto result = Acquire(lock, {}, 10s, holder);
    last_wait().SayGranted(token);
    return ***result;
  }

  static std::shared_ptr<std::optional<absl::Status>> Release(LockCore& lock,
                                                              Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    lock.Release([result](absl::Status status) { *result = std::move(status); }, holder);
    return result;
  }

  static std::shared_ptr<std::optional<absl::Status>> ReleaseOnly(
      LockCore& lock, std::shared_ptr<LeaseCore> lease) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    lock.ReleaseOnly(std::move(lease),
                     [result](absl::Status status) { *result = std::move(status); });
    return result;
  }

  static std::shared_ptr<std::optional<AcquireResult>> Detach(LockCore& lock,
                                                              Holder holder = kNobodyKnown) {
    auto result = std::make_shared<std::optional<AcquireResult>>();
    lock.Detach([result](AcquireResult r) { *result = std::move(r); }, holder);
    return result;
  }

  // The lease_ids that were released, in order.
  std::vector<std::string> Released() const {
    std::vector<std::string> ids;
    for (const auto& call : transport_->releases) ids.push_back(call.lease_id);
    return ids;
  }

  FakeWait& last_wait() { return *transport_->waits.back(); }

  FakeRandom random_;
  FakeScheduler* scheduler_;
  FakeTransport* transport_;
  std::shared_ptr<ClientCore> client_;
  bool shut_down_ = false;
};

TEST_F(LockCoreTest, TakesTheClientsOwnerIfItHasNone) {
  auto lock = NewLock();
  Acquire(*lock);
  EXPECT_EQ(last_wait().request().owner, "test");
  auto named = NewLock({.owner = "somebody"});
  Acquire(*named);
  EXPECT_EQ(last_wait().request().owner, "somebody");
}

TEST_F(LockCoreTest, IsAcquiredAndReleased) {
  auto lock = NewLock();
  const auto acquired = Acquire(*lock);
  last_wait().SayGranted(5);
  ASSERT_TRUE(acquired->has_value());
  EXPECT_EQ(lock->lease(), acquired->value().value());
  const auto released = Release(*lock);
  EXPECT_EQ(lock->lease(), nullptr);
  transport_->releases.at(0).answer(absl::OkStatus());
  EXPECT_EQ(**released, absl::OkStatus());
  EXPECT_EQ(acquired->value().value()->state(), LeaseState::kReleased);
}

// --- Shared by several --------------------------------------------------------------

TEST_F(LockCoreTest, EachAcquireIsARequestOfItsOwn) {
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

TEST_F(LockCoreTest, SecondAcquireTimesOutByItselfAndLeavesTheFirstAlone) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> held = Granted(*lock, 5);
  const auto second = Acquire(*lock, {}, 2s);
  last_wait().SayQueued(1, "me");
  scheduler_->Advance(3s);
  EXPECT_EQ(ReasonOf((*second)->status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(lock->lease(), held);
  EXPECT_EQ(held->state(), LeaseState::kHeld);
  EXPECT_THAT(Released(), testing::ElementsAre(last_wait().request().lease_id));
}

TEST_F(LockCoreTest, StopEndsTheAcquireItWasGivenToAlone) {
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

TEST_F(LockCoreTest, EachThreadMeansItsOwnLease) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5, /*holder=*/1);
  scheduler_->Advance(60s);  // The first is lost, and the server grants the second.
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

TEST_F(LockCoreTest, ThreadWithoutALeaseReleasesForAnother) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> lease = Granted(*lock, 5, /*holder=*/1);
  EXPECT_EQ(**Release(*lock, 2), absl::OkStatus());
  EXPECT_EQ(lease->state(), LeaseState::kReleased);
  EXPECT_EQ(lock->OwnLease(1), nullptr);
}

TEST_F(LockCoreTest, UnknownHolderWhoComesLateDoesNotEndTheLeaseOfItsSuccessor) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  Granted(*lock, 5);
  scheduler_->Advance(60s);
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

TEST_F(LockCoreTest, WhoSaysWhichLeaseIsNotInDoubt) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5);
  scheduler_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6);
  EXPECT_EQ(**ReleaseOnly(*lock, second), absl::OkStatus());
  EXPECT_EQ(lock->lease(), first);
  EXPECT_EQ(**ReleaseOnly(*lock, first), absl::OkStatus());  // As the server has said here.
  EXPECT_TRUE(absl::IsFailedPrecondition(**ReleaseOnly(*lock, first)));
}

TEST_F(LockCoreTest, KnownHolderIsNotInDoubtAboutItsOwn) {
  auto lock = NewLock();
  transport_->answer_releases = absl::OkStatus();
  Granted(*lock, 5, /*holder=*/1);
  scheduler_->Advance(60s);
  Granted(*lock, 6, /*holder=*/2);
  Release(*lock, /*holder=*/3);  // The oldest: the first.
  EXPECT_EQ(**Release(*lock, 2), absl::OkStatus());
}

TEST_F(LockCoreTest, GrantTellsTheEarlierHolderThatItsLeaseHasEnded) {
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

TEST_F(LockCoreTest, GrantThatCameLateIsTheOneThatHasEnded) {
  auto lock = NewLock();
  const auto late = Acquire(*lock);
  const std::shared_ptr<LeaseCore> newer = Granted(*lock, 6);
  transport_->waits[0]->SayGranted(5);
  EXPECT_EQ(newer->state(), LeaseState::kHeld);
  EXPECT_EQ(lock->lease(), newer);
  EXPECT_EQ((***late)->state(), LeaseState::kLost);
}

TEST_F(LockCoreTest, DetachTakesTheLeaseThatReleaseWould) {
  auto lock = NewLock();
  Granted(*lock, 5, /*holder=*/1);
  scheduler_->Advance(60s);
  const std::shared_ptr<LeaseCore> second = Granted(*lock, 6, /*holder=*/2);
  EXPECT_EQ(ReasonOf((*Detach(*lock))->status()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(***Detach(*lock, 2), second);
  EXPECT_EQ(lock->lease(), nullptr);
}

TEST_F(LockCoreTest, CloseEndsAllAcquiresAndAllLeases) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> first = Granted(*lock, 5);
  scheduler_->Advance(60s);
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

TEST_F(LockCoreTest, ShutdownEndsAllAcquiresOfALock) {
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
TEST_F(LockCoreTest, LockThatHasFailedToAcquireTwiceIsFreed) {
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

TEST_F(LockCoreTest, LostLeaseStaysUntilItIsReleasedAndIsInNobodysWay) {
  auto lock = NewLock();
  const std::shared_ptr<LeaseCore> lost = Granted(*lock, 5);
  scheduler_->Advance(60s);
  EXPECT_EQ(lock->lease(), lost);
  EXPECT_EQ(lost->state(), LeaseState::kLost);
  EXPECT_FALSE(Acquire(*lock)->has_value());  // It has begun.
}

TEST_F(LockCoreTest, ReleaseAndRenewWithoutALeaseAreErrors) {
  auto lock = NewLock();
  EXPECT_TRUE(absl::IsFailedPrecondition(**Release(*lock)));
  std::optional<absl::Status> renewed;
  lock->Renew([&](absl::Status status) { renewed = std::move(status); });
  EXPECT_TRUE(absl::IsFailedPrecondition(*renewed));
  Acquire(*lock);
  EXPECT_TRUE(absl::IsFailedPrecondition(**Release(*lock)));
}

TEST_F(LockCoreTest, OptionsThatMakeNoSenseAreRefused) {
  auto lock = NewLock({.auto_renew = true});
  EXPECT_TRUE(absl::IsInvalidArgument((*Acquire(*lock))->status()));
  auto negative = NewLock();
  EXPECT_TRUE(absl::IsInvalidArgument((*Acquire(*negative, {}, -1s))->status()));
  EXPECT_TRUE(transport_->waits.empty());
}

TEST_F(LockCoreTest, StopThatWasRequestedBeforeSendsNothing) {
  auto lock = NewLock();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled((*Acquire(*lock, {stop.get_token()}))->status()));
  EXPECT_TRUE(transport_->waits.empty());
  EXPECT_TRUE(transport_->releases.empty());
}

TEST_F(LockCoreTest, EitherStopTokenCancels) {
  for (std::size_t which = 0; which < 2; ++which) {
    auto lock = NewLock();
    std::array<std::stop_source, 2> stops;
    const auto result = Acquire(*lock, {stops[0].get_token(), stops[1].get_token()});
    last_wait().SayQueued(1, "somebody");
    stops.at(which).request_stop();
    EXPECT_TRUE(absl::IsCancelled((*result)->status()));
    EXPECT_TRUE(last_wait().cancelled());
    EXPECT_EQ(transport_->releases.back().lease_id, last_wait().request().lease_id);
  }
}

TEST_F(LockCoreTest, StopAfterTheGrantDoesNothing) {
  auto lock = NewLock();
  std::stop_source stop;
  Acquire(*lock, {stop.get_token()});
  last_wait().SayGranted(5);
  stop.request_stop();
  EXPECT_NE(lock->lease(), nullptr);
  EXPECT_TRUE(transport_->releases.empty());
}

TEST_F(LockCoreTest, ReleaseOnlyLeavesALaterLeaseAlone) {
  auto lock = NewLock();
  Acquire(*lock);
  last_wait().SayGranted(5);
  const std::shared_ptr<LeaseCore> first = lock->lease();
  Release(*lock);
  Acquire(*lock);
  last_wait().SayGranted(6);
  EXPECT_TRUE(absl::IsFailedPrecondition(**ReleaseOnly(*lock, first)));
  EXPECT_NE(lock->lease(), nullptr);
  EXPECT_EQ(transport_->releases.size(), 1U);
}

TEST_F(LockCoreTest, DetachedLeaseIsNeitherRenewedNorReleasedNorSignalled) {
  const auto lock = NewLock({.expire = 30s, .auto_renew = true});
  const auto acquired = Acquire(*lock);
  last_wait().SayGranted(5);
  const std::shared_ptr<LeaseCore> lease = ***acquired;
  const auto detached = Detach(*lock);
  EXPECT_EQ(***detached, lease);
  EXPECT_EQ(lock->lease(), nullptr);
  EXPECT_EQ(scheduler_->timers(), 0U);

  // The object is free for another lease, which the client gives back at its end.
  const auto again = Acquire(*lock);
  last_wait().SayGranted(6);
  EXPECT_TRUE((*again)->ok());
  transport_->answer_releases = absl::OkStatus();
  Shutdown();
  ASSERT_EQ(transport_->releases.size(), 1U);
  EXPECT_EQ(transport_->releases[0].lease_id, (**again).value()->facts().lease_id);
  EXPECT_TRUE(transport_->renewals.empty());
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  scheduler_->Freeze(30s);
  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_FALSE(lease->lost().stop_requested());
}

TEST_F(LockCoreTest, DetachSaysWhetherThereWasALease) {
  const auto lock = NewLock();
  EXPECT_TRUE(absl::IsFailedPrecondition((*Detach(*lock))->status()));
  const auto acquired = Acquire(*lock);
  last_wait().SayGranted(5);
  scheduler_->Advance(30s);
  EXPECT_EQ(ReasonOf((*Detach(*lock))->status()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(lock->lease(), nullptr);
  Acquire(*lock);
  EXPECT_EQ(transport_->waits.size(), 2U);
}

TEST_F(LockCoreTest, CloseCancelsAnAcquire) {
  auto lock = NewLock();
  const auto result = Acquire(*lock);
  lock->Close([](const absl::Status&) {});
  EXPECT_TRUE(absl::IsCancelled((*result)->status()));
  EXPECT_TRUE(last_wait().cancelled());
}

TEST_F(LockCoreTest, CloseReleasesALease) {
  auto lock = NewLock();
  Acquire(*lock);
  last_wait().SayGranted(5);
  lock->Close([](const absl::Status&) {});
  EXPECT_EQ(transport_->releases.size(), 1U);
}

TEST_F(LockCoreTest, LossIsSignalledOutsideOfTasks) {
  auto lock = NewLock();
  Acquire(*lock);
  last_wait().SayGranted(5);
  bool in_task = true;
  const std::stop_callback on_lost(lock->lease()->lost(), [&] { in_task = scheduler_->InTask(); });
  scheduler_->Advance(60s);
  client_->FlushUserCode();
  EXPECT_TRUE(lock->lease()->lost().stop_requested());
  EXPECT_FALSE(in_task);
}

TEST_F(LockCoreTest, QueueIsReportedOutsideOfTasks) {
  std::vector<std::uint32_t> positions;
  auto lock = NewLock({.on_queued = [&](const QueueInfo& info) {
    EXPECT_FALSE(scheduler_->InTask());
    positions.push_back(info.position);
  }});
  Acquire(*lock);
  last_wait().SayQueued(2, "somebody");
  client_->FlushUserCode();
  last_wait().SayQueued(1, "somebody");
  client_->FlushUserCode();
  last_wait().SayGranted(5);
  EXPECT_THAT(positions, testing::ElementsAre(2, 1));
}

TEST_F(LockCoreTest, ShutdownEndsEverything) {
  transport_->answer_releases = absl::OkStatus();
  auto waiting = NewLock();
  const auto acquired = Acquire(*waiting);
  auto holding = NewLock({.expire = 30s, .auto_renew = true});
  Acquire(*holding);
  last_wait().SayGranted(5);
  const std::shared_ptr<LeaseCore> lease = holding->lease();
  std::atomic<bool> signalled{false};
  const std::stop_callback on_lost(lease->lost(), [&] { signalled = true; });
  bool signalled_before_the_release = false;
  transport_->on_release = [&](const std::string& lease_id) {
    if (lease_id == lease->facts().lease_id) signalled_before_the_release = signalled;
  };
  std::optional<absl::StatusOr<LockInfo>> got;
  client_->Get("k", [&](absl::StatusOr<LockInfo> info) { got = std::move(info); });

  Shutdown();
  EXPECT_TRUE(absl::IsCancelled((*acquired)->status()));
  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_TRUE(absl::IsCancelled(lease->status()));
  EXPECT_TRUE(lease->lost().stop_requested());
  EXPECT_TRUE(signalled_before_the_release);
  EXPECT_EQ(transport_->releases.size(), 2U);
  EXPECT_TRUE(absl::IsCancelled(got->status()));
  EXPECT_TRUE(transport_->shut_down);
  EXPECT_EQ(scheduler_->timers(), 0U);

  EXPECT_TRUE(absl::IsFailedPrecondition((*Acquire(*waiting))->status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(**Release(*holding)));
}

TEST_F(LockCoreTest, ShutdownDoesNotWaitLongForAServerThatIsGone) {
  auto lock = NewLock();
  Acquire(*lock);
  last_wait().SayGranted(5);
  Shutdown();  // The release is never answered; the test's time limit is the check.
  EXPECT_EQ(transport_->releases.size(), 1U);
}

TEST_F(LockCoreTest, ForkedChildIsRefused) {
  auto lock = NewLock();
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = absl::IsFailedPrecondition(client_->CheckUsable()) &&
                         absl::IsFailedPrecondition(client_->CheckMayBlock());
    _exit(refused ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(client_->CheckUsable().ok());
}

}  // namespace
}  // namespace holdfast::core
