// SyncLock against a real server.

#include "holdfast/sync_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class SyncLockTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = NewClient("test");
  }

  std::unique_ptr<Client> NewClient(std::string owner) {
    return *Client::Create(server_.address(), {.owner = std::move(owner)});
  }

  std::uint32_t QueueLength() { return client_->Get("k")->queue_length; }

  // Waits until `count` wait for the lock.
  void AwaitQueue(std::uint32_t count) {
    ASSERT_TRUE(Eventually([&] { return QueueLength() == count; }));
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
};

TEST_F(SyncLockTest, ShowsWhatItWasMadeOf) {
  const SyncLock lock(*client_, "k", {.timeout = 5s, .expire = 30s, .tags = {"b", "a", "b"}});
  EXPECT_EQ(lock.key(), "k");
  EXPECT_EQ(lock.timeout(), 5s);
  EXPECT_EQ(lock.expire(), 30s);
  EXPECT_THAT(lock.tags(), testing::ElementsAre("a", "b"));
}

TEST_F(SyncLockTest, IsTakenAndGivenBack) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  EXPECT_EQ(*lock.Locked(), false);
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_GT(lease->fencing_token(), 0U);
  EXPECT_EQ(lease->key(), "k");
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  EXPECT_GT(lease->deadline(), MonotonicClock::now() + 15s);
  EXPECT_LT(lease->deadline(), MonotonicClock::now() + 30s);
  EXPECT_EQ(*lock.Locked(), true);
  EXPECT_EQ(lock.lease()->fencing_token(), lease->fencing_token());

  EXPECT_EQ(lock.Release(), absl::OkStatus());
  EXPECT_EQ(*lock.Locked(), false);
  EXPECT_EQ(lock.lease(), std::nullopt);
  EXPECT_EQ(lease->state(), LeaseState::kReleased);
  EXPECT_FALSE(lease->lost().stop_requested());
}

TEST(SyncLockOverTcpTest, IsTheSameLockAsOverAUnixSocket) {
  ServerProcess server({.flags = {"--listen=127.0.0.1:0"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const auto near = *Client::Create(server.address());
  const auto far = *Client::Create(server.TcpAddress());
  SyncLock first(*near, "k", {.expire = 30s});
  SyncLock second(*far, "k", {.timeout = 0s, .expire = 30s});
  ASSERT_TRUE(first.Acquire().ok());
  EXPECT_EQ(ReasonOf(second.Acquire().status()), ErrorReason::kLockHeld);
  EXPECT_EQ(first.Release(), absl::OkStatus());
  const auto lease = second.Acquire();
  EXPECT_TRUE(lease.ok()) << lease.status();
}

TEST_F(SyncLockTest, LeaseCarriesOwnerAndTags) {
  SyncLock lock(*client_, "k", {.expire = 30s, .tags = "nightly build"});
  ASSERT_TRUE(lock.Acquire().ok());
  const auto info = client_->Get("k");
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_EQ(info->holders.size(), 1U);
  EXPECT_EQ(info->holders[0].owner, "test");
  EXPECT_THAT(info->holders[0].tags, testing::ElementsAre("nightly build"));
  EXPECT_EQ(info->holders[0].expire, 30s);
}

TEST_F(SyncLockTest, SecondHolderWaitsForTheFirst) {
  SyncLock first(*client_, "k", {.expire = 30s});
  SyncLock second(*client_, "k", {.expire = 30s});
  const auto first_lease = first.Acquire();
  ASSERT_TRUE(first_lease.ok());
  auto acquired = std::async(std::launch::async, [&] { return second.Acquire(); });
  AwaitQueue(1);
  EXPECT_EQ(acquired.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(first.Release(), absl::OkStatus());
  const auto second_lease = acquired.get();
  ASSERT_TRUE(second_lease.ok()) << second_lease.status();
  EXPECT_GT(second_lease->fencing_token(), first_lease->fencing_token());
}

TEST_F(SyncLockTest, TimeoutZeroTriesOnce) {
  SyncLock free(*client_, "free", {.timeout = 0s, .expire = 30s});
  EXPECT_TRUE(free.Acquire().ok());

  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  SyncLock lock(*client_, "k", {.timeout = 0s, .expire = 30s});
  const absl::Status status = lock.Acquire().status();
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kLockHeld);
  EXPECT_EQ(ErrorMetadata(status)["owner"], "test");
}

TEST_F(SyncLockTest, TimeoutOverIsAnErrorAndLeavesNoWaiter) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  SyncLock lock(*client_, "k", {.timeout = 50ms, .expire = 30s});
  const absl::Status status = lock.Acquire().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(status)["owner"], "test");
  EXPECT_EQ(QueueLength(), 0U);
}

TEST_F(SyncLockTest, StopLeavesTheQueue) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  SyncLock lock(*client_, "k", {.expire = 30s});
  std::stop_source stop;
  auto acquired = std::async(std::launch::async, [&] { return lock.Acquire(stop.get_token()); });
  AwaitQueue(1);
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(acquired.get().status()));
  AwaitQueue(0);
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  EXPECT_TRUE(lock.Acquire().ok());
}

TEST_F(SyncLockTest, MisuseIsAnError) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Release()));
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Renew()));
  ASSERT_TRUE(lock.Acquire().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Acquire().status()));
  EXPECT_EQ(lock.Release(), absl::OkStatus());
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Release()));
}

TEST_F(SyncLockTest, FieldThatTheServerRefusesIsNamed) {
  SyncLock lock(*client_, std::string(513, 'k'), {.expire = 30s});
  const absl::Status status = lock.Acquire().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kInvalidField);
  EXPECT_EQ(ErrorMetadata(status)["field"], "key");
}

TEST_F(SyncLockTest, LeaseThatLapsedCannotBeReleasedAndSpareTheSuccessor) {
  SyncLock lock(*client_, "k", {.expire = 100ms});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  SyncLock successor(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(successor.Acquire().ok());

  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_TRUE(Eventually([&] { return lease->lost().stop_requested(); }));
  EXPECT_EQ(ReasonOf(lease->status()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(ReasonOf(lock.Renew()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseExpired);
  EXPECT_EQ(*lock.Locked(), true);
  EXPECT_EQ(successor.Release(), absl::OkStatus());
}

TEST_F(SyncLockTest, RenewMovesTheDeadline) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok());
  const MonotonicTime before = lease->deadline();
  LetPass(20ms);
  EXPECT_EQ(lock.Renew(), absl::OkStatus());
  EXPECT_GT(lease->deadline(), before);
}

TEST_F(SyncLockTest, LeaseWithoutExpiryLastsUntilItIsReleased) {
  SyncLock lock(*client_, "k");
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(lease->deadline(), MonotonicTime::max());
  EXPECT_EQ(lock.Renew(), absl::OkStatus());
  EXPECT_EQ(lock.Release(), absl::OkStatus());
}

TEST_F(SyncLockTest, ScopeGivesTheLockBack) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  {
    auto lease = lock.AcquireScoped();
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_GT((*lease)->fencing_token(), 0U);
    EXPECT_EQ(*lock.Locked(), true);
    const ScopedLease moved = *std::move(lease);
    EXPECT_EQ(*lock.Locked(), true);
  }
  EXPECT_EQ(*lock.Locked(), false);
  EXPECT_TRUE(lock.Acquire().ok());
}

TEST_F(SyncLockTest, ScopeLeavesADetachedLeaseAndALaterOneAlone) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  {
    auto lease = lock.AcquireScoped();
    ASSERT_TRUE(lease.ok());
    const Lease kept = (*std::move(lease)).Detach();
  }
  EXPECT_EQ(*lock.Locked(), true);
  EXPECT_EQ(lock.Release(), absl::OkStatus());
  {
    const auto earlier = lock.AcquireScoped();
    EXPECT_EQ(lock.Release(), absl::OkStatus());
    ASSERT_TRUE(lock.Acquire().ok());
  }
  EXPECT_EQ(*lock.Locked(), true);
}

TEST_F(SyncLockTest, DetachedLeaseOutlivesLockAndClientUntilItIsReleasedByItsId) {
  auto client = NewClient("gone");
  auto lock = std::make_unique<SyncLock>(*client, "k", LockOptions{.expire = 30s});
  const auto acquired = lock->AcquireScoped();
  ASSERT_TRUE(acquired.ok()) << acquired.status();
  const auto lease = lock->Detach();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->lease_id(), (*acquired)->lease_id());
  EXPECT_EQ(lock->lease(), std::nullopt);
  EXPECT_TRUE(absl::IsFailedPrecondition(lock->Detach().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(lock->Release()));
  lock = nullptr;
  client = nullptr;

  EXPECT_TRUE(lease->valid());
  const auto info = client_->Get("k");
  ASSERT_EQ(info->holders.size(), 1U);
  EXPECT_EQ(info->holders[0].fencing_token, lease->fencing_token());
  EXPECT_EQ(client_->Release("k", lease->lease_id()), absl::OkStatus());
  EXPECT_TRUE(client_->Get("k")->holders.empty());
}

TEST_F(SyncLockTest, DestroyedLockIsReleased) {
  auto lock = std::make_unique<SyncLock>(*client_, "k");
  ASSERT_TRUE(lock->Acquire().ok());
  lock = nullptr;
  EXPECT_TRUE(client_->Get("k")->holders.empty());
}

TEST_F(SyncLockTest, ServerThatIsNotThereIsUnavailable) {
  const auto nowhere = *Client::Create("unix:/tmp/no-such-holdfast.sock", {.call_timeout = 50ms});
  SyncLock lock(*nowhere, "k", {.timeout = 50ms, .expire = 30s});
  const absl::Status status = lock.Acquire().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::IsUnavailable(lock.Locked().status()));
}

// --- The standard's named requirements ------------------------------------------------

TEST_F(SyncLockTest, WorksWithTheStandardsLocks) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  SyncLock other(*client_, "k", {.expire = 30s});
  {
    const std::unique_lock<SyncLock> held(lock);
    EXPECT_TRUE(held.owns_lock());
    EXPECT_FALSE(std::unique_lock<SyncLock>(other, std::try_to_lock).owns_lock());
    EXPECT_EQ(ReasonOf(other.last_status()), ErrorReason::kLockHeld);
    EXPECT_FALSE(std::unique_lock<SyncLock>(other, 20ms).owns_lock());
    EXPECT_EQ(ReasonOf(other.last_status()), ErrorReason::kWaitTimeout);
    const auto soon = std::chrono::system_clock::now() + 20ms;
    EXPECT_FALSE(std::unique_lock<SyncLock>(other, soon).owns_lock());
  }
  EXPECT_EQ(lock.last_status(), absl::OkStatus());
  EXPECT_TRUE(std::unique_lock<SyncLock>(other, 20ms).owns_lock());
  EXPECT_EQ(*lock.Locked(), false);
}

TEST_F(SyncLockTest, TwoLocksAreTakenTogetherWithoutDeadlock) {
  const auto work = [&] {
    SyncLock a(*client_, "a", {.expire = 30s});
    SyncLock b(*client_, "b", {.expire = 30s});
    for (int i = 0; i < 20; ++i) {
      if (i % 2 == 0) {
        const std::scoped_lock both(a, b);
      } else {
        const std::scoped_lock both(b, a);
      }
    }
  };
  const std::jthread first(work);
  const std::jthread second(work);
}

TEST_F(SyncLockTest, LockThrowsWhenItCannotBeTaken) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  const std::unique_lock<SyncLock> held(holder);
  SyncLock lock(*client_, "k", {.timeout = 20ms, .expire = 30s});
  try {
    lock.lock();
    FAIL() << "it is held";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::timed_out);
  }
  EXPECT_EQ(ReasonOf(lock.last_status()), ErrorReason::kWaitTimeout);
}

TEST_F(SyncLockTest, TryLockForTakesAnyDuration) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  EXPECT_TRUE(lock.try_lock_for(std::chrono::duration<double>(1e300)));
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_for(-1h));
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_until(MonotonicTime::min()));
  lock.unlock();
}

// --- Processes and threads --------------------------------------------------------------

TEST_F(SyncLockTest, ForkedChildNeitherUsesNorReleasesItsParentsLocks) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(lock.Acquire().ok());
  auto scoped_lock = std::make_unique<SyncLock>(*client_, "scoped", LockOptions{.expire = 30s});
  std::optional<ScopedLease> scoped = *scoped_lock->AcquireScoped();

  const pid_t child = fork();
  if (child == 0) {
    bool refused = absl::IsFailedPrecondition(lock.Release());
    refused = refused && absl::IsFailedPrecondition(lock.Acquire().status());
    refused = refused && absl::IsFailedPrecondition(client_->Get("k").status());
    refused = refused && absl::IsFailedPrecondition(Client::Create(server_.address()).status());
    scoped.reset();
    scoped_lock = nullptr;
    client_ = nullptr;
    _exit(refused ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*lock.Locked(), true);
  EXPECT_EQ(*scoped_lock->Locked(), true);
  EXPECT_EQ(lock.Release(), absl::OkStatus());
}

TEST_F(SyncLockTest, DestroyedClientEndsAcquiresAndReleasesWhatIsHeld) {
  auto doomed = NewClient("doomed");
  SyncLock holding(*doomed, "held", {.expire = 30s, .auto_renew = true});
  const auto lease = holding.Acquire();
  ASSERT_TRUE(lease.ok());
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  SyncLock waiting(*doomed, "k", {.expire = 30s});
  auto acquired = std::async(std::launch::async, [&] { return waiting.Acquire(); });
  AwaitQueue(1);

  doomed = nullptr;
  EXPECT_TRUE(absl::IsCancelled(acquired.get().status()));
  EXPECT_EQ(lease->state(), LeaseState::kLost);
  EXPECT_TRUE(lease->lost().stop_requested());
  EXPECT_EQ(QueueLength(), 0U);
  EXPECT_TRUE(client_->Get("held")->holders.empty());
  EXPECT_TRUE(absl::IsFailedPrecondition(waiting.Acquire().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(holding.Locked().status()));
}

TEST_F(SyncLockTest, ThreadsHandTheLockOverOneByOne) {
  int inside = 0;  // Not atomic: the lock is the only guard.
  int turns = 0;
  std::uint64_t last_token = 0;
  const auto work = [&] {
    SyncLock lock(*client_, "k", {.expire = 30s});
    for (int i = 0; i < 50; ++i) {
      const auto lease = lock.AcquireScoped();
      ASSERT_TRUE(lease.ok()) << lease.status();
      EXPECT_EQ(++inside, 1);
      EXPECT_GT((*lease)->fencing_token(), last_token);
      last_token = (*lease)->fencing_token();
      ++turns;
      --inside;
    }
  };
  {
    const std::jthread first(work);
    const std::jthread second(work);
    const std::jthread third(work);
  }
  EXPECT_EQ(turns, 150);
}

}  // namespace
}  // namespace holdfast
