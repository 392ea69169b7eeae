// One SyncLock that threads share, against a real server.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class SharedSyncLockTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address(), {.owner = "test"});
  }

  std::uint32_t QueueLength() { return client_->Get("k")->queue_length; }

  // Waits until `count` wait for the lock.
  void AwaitQueue(std::uint32_t count) {
    ASSERT_TRUE(Eventually([&] { return QueueLength() == count; }));
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
};

TEST_F(SharedSyncLockTest, WorkerWaitsInTheSameObjectUntilTheHolderLeaves) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  std::atomic<bool> entered{false};
  std::jthread worker;
  {
    const std::lock_guard<SyncLock> held(lock);
    EXPECT_EQ(*lock.Locked(), true);
    worker = std::jthread([&] {
      const std::lock_guard<SyncLock> mine(lock);
      entered = true;
      EXPECT_EQ(*lock.Locked(), true);
    });
    AwaitQueue(1);
    EXPECT_FALSE(entered);
  }
  worker.join();
  EXPECT_TRUE(entered);
  EXPECT_EQ(*lock.Locked(), false);
}

TEST_F(SharedSyncLockTest, ManyThreadsGuardThemselvesByOneObject) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  int inside = 0;  // Not atomic: the lock is the only guard.
  int turns = 0;
  std::uint64_t last_token = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int turn = 0; turn < 125; ++turn) {
          const std::lock_guard<SyncLock> held(lock);
          EXPECT_EQ(++inside, 1);
          const std::uint64_t token = lock.lease()->fencing_token();
          EXPECT_GT(token, last_token);
          last_token = token;
          ++turns;
          --inside;
        }
      });
    }
  }
  EXPECT_EQ(turns, 1'000);
  EXPECT_EQ(*lock.Locked(), false);
}

TEST_F(SharedSyncLockTest, ThreadThatAcquiresAgainWhatItHoldsIsToldSo) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const std::unique_lock<SyncLock> held(lock);
  const std::string token = std::to_string(lock.lease()->fencing_token());
  const absl::Status status = lock.Acquire().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(token));
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock_for(1h));
  try {
    lock.lock();
    FAIL() << "it is held by this thread";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
  }
  EXPECT_EQ(QueueLength(), 0U);
}

TEST_F(SharedSyncLockTest, EachThreadHasATimeoutAndATryOfItsOwn) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const std::unique_lock<SyncLock> held(lock);
  std::jthread([&] {
    EXPECT_FALSE(lock.try_lock());
    EXPECT_EQ(ReasonOf(lock.last_status()), ErrorReason::kLockHeld);
    EXPECT_FALSE(lock.try_lock_for(20ms));
    EXPECT_EQ(ReasonOf(lock.last_status()), ErrorReason::kWaitTimeout);
    std::stop_source stop;
    auto acquired = std::async(std::launch::async, [&] { return lock.Acquire(stop.get_token()); });
    AwaitQueue(1);
    stop.request_stop();
    EXPECT_TRUE(absl::IsCancelled(acquired.get().status()));
  }).join();
  AwaitQueue(0);  // Whoever gives up does not wait for the server to hear of it.
  EXPECT_TRUE(lock.lease()->valid());
}

TEST_F(SharedSyncLockTest, OneThreadMayGiveBackWhatAnotherTook) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok());
  std::jthread([&] {
    EXPECT_EQ(lock.lease()->lease_id(), lease->lease_id());
    EXPECT_EQ(lock.Renew(), absl::OkStatus());
    EXPECT_EQ(lock.Release(), absl::OkStatus());
  }).join();
  EXPECT_EQ(lease->state(), LeaseState::kReleased);
  EXPECT_TRUE(lock.Acquire().ok());  // It is not taken for a holder any more.
}

TEST_F(SharedSyncLockTest, HolderThatLostItsLeaseSparesTheThreadThatCameAfter) {
  SyncLock lock(*client_, "k", {.expire = 200ms});
  const auto lost = lock.Acquire();
  ASSERT_TRUE(lost.ok()) << lost.status();
  std::promise<std::uint64_t> granted;
  std::promise<void> first_has_released;
  std::jthread second([&] {
    const auto lease = lock.AcquireScoped();
    ASSERT_TRUE(lease.ok()) << lease.status();
    granted.set_value((*lease)->fencing_token());
    first_has_released.get_future().wait();
    // However long that took: it was not the other one's release that ended it.
    EXPECT_NE((*lease)->state(), LeaseState::kReleased);
  });
  EXPECT_GT(granted.get_future().get(), lost->fencing_token());
  EXPECT_EQ(lost->state(), LeaseState::kLost);
  EXPECT_EQ(lock.lease()->lease_id(), lost->lease_id());
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Renew()));
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseExpired);
  first_has_released.set_value();
}

TEST_F(SharedSyncLockTest, LeaseIsReleasedByNameFromAnyThread) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok());
  SyncLock other(*client_, "other", {.expire = 30s});
  EXPECT_TRUE(absl::IsFailedPrecondition(other.Release(*lease)));
  std::jthread([&] { EXPECT_EQ(lock.Release(*lease), absl::OkStatus()); }).join();
  EXPECT_TRUE(absl::IsFailedPrecondition(lock.Release(*lease)));
}

TEST_F(SharedSyncLockTest, DestroyedLockEndsTheWaitsInIt) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  auto lock = std::make_unique<SyncLock>(*client_, "k", LockOptions{.expire = 30s});
  auto first = std::async(std::launch::async, [&] { return lock->Acquire(); });
  auto second = std::async(std::launch::async, [&] { return lock->AcquireScoped(); });
  auto third = std::async(std::launch::async, [&] { return lock->try_lock_for(1h); });
  AwaitQueue(3);
  lock = nullptr;
  EXPECT_TRUE(absl::IsCancelled(first.get().status()));
  EXPECT_TRUE(absl::IsCancelled(second.get().status()));
  EXPECT_FALSE(third.get());
  AwaitQueue(0);
}

TEST_F(SharedSyncLockTest, MovedLockTakesItsLeaseAlong) {
  std::vector<SyncLock> locks;
  locks.emplace_back(*client_, "a", LockOptions{.expire = 30s});
  const auto lease = locks[0].AcquireScoped();
  ASSERT_TRUE(lease.ok());
  locks.emplace_back(*client_, "b", LockOptions{.expire = 30s});
  SyncLock moved = std::move(locks[0]);
  EXPECT_EQ(moved.key(), "a");
  EXPECT_EQ(moved.lease()->lease_id(), (*lease)->lease_id());
  EXPECT_TRUE(locks[1].Acquire().ok());
  moved = std::move(locks[1]);
  EXPECT_EQ(moved.key(), "b");
  EXPECT_TRUE(client_->Get("a")->holders.empty());  // What it was has been released.
  EXPECT_FALSE(client_->Get("b")->holders.empty());
  EXPECT_EQ(moved.Release(), absl::OkStatus());
}

}  // namespace
}  // namespace holdfast
