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
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lock_core_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

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
  EXPECT_FALSE(loop_->waits());

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
  loop_->Freeze(30s);
  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_FALSE(lease->lost().stop_requested());
}

TEST_F(LockCoreTest, DetachSaysWhetherThereWasALease) {
  const auto lock = NewLock();
  EXPECT_TRUE(absl::IsFailedPrecondition((*Detach(*lock))->status()));
  const auto acquired = Acquire(*lock);
  last_wait().SayGranted(5);
  loop_->Advance(30s);
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
  const std::stop_callback on_lost(lock->lease()->lost(), [&] { in_task = loop_->InTask(); });
  loop_->Advance(60s);
  client_->FlushUserCode();
  EXPECT_TRUE(lock->lease()->lost().stop_requested());
  EXPECT_FALSE(in_task);
}

TEST_F(LockCoreTest, QueueIsReportedOutsideOfTasks) {
  std::vector<std::uint32_t> positions;
  auto lock = NewLock({.on_queued = [&](const QueueInfo& info) {
    EXPECT_FALSE(loop_->InTask());
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

TEST_F(LockCoreTest, KeepsTheStatusThatItWasGivenLast) {
  auto lock = NewLock();
  EXPECT_EQ(lock->last_status(), absl::OkStatus());
  lock->set_last_status(absl::CancelledError("enough"));
  EXPECT_TRUE(absl::IsCancelled(lock->last_status()));
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
  const std::stop_callback on_lost(lease->lost(), [&] {
    LetPass(20ms);
    signalled = true;
  });
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
  EXPECT_FALSE(loop_->waits());

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

TEST_F(LockCoreTest, ShutdownInATaskGoesOnInTheBackground) {
  auto lock = NewLock();
  const auto lease = Granted(*lock, 5);
  transport_->answer_releases = absl::OkStatus();
  lock = nullptr;
  shut_down_ = true;
  const std::shared_ptr<ClientCore> client = std::exchange(client_, nullptr);
  client->Run([core = client.get()] { core->Shutdown(); });
  // The test's time limit is the check.
  while (client->CheckUsable().ok() || client.use_count() > 1) std::this_thread::yield();
  EXPECT_EQ(lease->state(), LeaseState::kLost);
}

TEST_F(LockCoreTest, ForkedChildIsRefused) {
  auto lock = NewLock();
  Granted(*lock, 5);
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = absl::IsFailedPrecondition(client_->CheckUsable()) &&
                         absl::IsFailedPrecondition(client_->CheckMayBlock()) &&
                         lock->lease() == nullptr &&
                         absl::IsFailedPrecondition(lock->last_status());
    _exit(refused ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(client_->CheckUsable().ok());
}

}  // namespace
}  // namespace holdfast::core
