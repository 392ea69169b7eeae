// AsyncLock against a real server.

#include "holdfast/async_lock.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/support/coroutines.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

// Runs what it is given when the test says so.
class ManualExecutor {
 public:
  void operator()(absl::AnyInvocable<void()> task) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }

  // Waits for the next task and runs it.
  void RunOne() {
    ASSERT_TRUE(Eventually([this] { return size() > 0; }));
    absl::AnyInvocable<void()> task;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }

  std::size_t size() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tasks_.size();
  }

 private:
  std::mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> tasks_;
};

class AsyncLockTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address(), {.owner = "test"});
    observer_ = *Client::Create(server_.address());
  }

  std::uint32_t QueueLength() { return observer_->Get("k")->queue_length; }
  bool Taken() { return !observer_->Get("k")->holders.empty(); }
  bool AwaitQueue(std::uint32_t count) {
    return Eventually([&] { return QueueLength() == count; });
  }

  // Acquires by callback.
  static std::future<absl::StatusOr<Lease>> Acquire(AsyncLock& lock, std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Lease>>>();
    auto future = promise->get_future();
    lock.AcquireThen(
        [promise](absl::StatusOr<Lease> lease) { promise->set_value(std::move(lease)); },
        std::move(stop));
    return future;
  }

  static absl::Status Release(AsyncLock& lock) {
    std::promise<absl::Status> promise;
    lock.ReleaseThen([&](absl::Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> observer_;  // Shares nothing with client_.
};

// --- Callbacks ----------------------------------------------------------------------------

TEST_F(AsyncLockTest, CallbackGetsTheLease) {
  AsyncLock lock(*client_, "k", {.timeout = 10s, .expire = 30s, .tags = "t"});
  EXPECT_EQ(lock.key(), "k");
  EXPECT_EQ(lock.timeout(), 10s);
  EXPECT_EQ(lock.expire(), 30s);
  EXPECT_THAT(lock.tags(), testing::ElementsAre("t"));
  const auto lease = Acquire(lock).get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_TRUE(Taken());
  EXPECT_EQ(lock.lease()->fencing_token(), lease->fencing_token());
  EXPECT_EQ(Release(lock), absl::OkStatus());
  EXPECT_FALSE(Taken());
}

TEST_F(AsyncLockTest, CallbackRunsOnAnotherThreadEvenIfTheCallFailsAtOnce) {
  AsyncLock lock(*client_, "k", {.auto_renew = true});  // Needs an expire.
  std::promise<std::thread::id> ran_on;
  lock.AcquireThen([&](const absl::StatusOr<Lease>& lease) {
    EXPECT_TRUE(absl::IsInvalidArgument(lease.status()));
    ran_on.set_value(std::this_thread::get_id());
  });
  EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
}

TEST_F(AsyncLockTest, LockedAndRenewTellByCallback) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  const auto lease = Acquire(lock).get();
  ASSERT_TRUE(lease.ok());
  const MonotonicTime before = lease->deadline();
  std::promise<absl::Status> renewed;
  lock.RenewThen([&](absl::Status status) { renewed.set_value(std::move(status)); });
  EXPECT_EQ(renewed.get_future().get(), absl::OkStatus());
  EXPECT_GT(lease->deadline(), before);
  std::promise<absl::StatusOr<bool>> locked;
  lock.LockedThen([&](absl::StatusOr<bool> taken) { locked.set_value(std::move(taken)); });
  EXPECT_EQ(*locked.get_future().get(), true);
}

TEST_F(AsyncLockTest, CallbackMayBlockWhileLeasesAreRenewed) {
  AsyncLock renewed(*client_, "renewed", {.expire = 400ms, .auto_renew = true});
  const auto lease = Acquire(renewed).get();
  ASSERT_TRUE(lease.ok());
  AsyncLock lock(*client_, "k", {.expire = 30s});
  std::promise<absl::Status> done;
  lock.AcquireThen([&](const absl::StatusOr<Lease>&) {
    LetPass(1200ms);
    // Even a blocking call works here.
    SyncLock inner(*client_, "inner", {.expire = 30s});
    done.set_value(inner.Acquire().status());
  });
  EXPECT_EQ(done.get_future().get(), absl::OkStatus());
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(AsyncLockTest, ExecutorDecidesWhereCallbacksRun) {
  ManualExecutor executor;
  client_ = *Client::Create(server_.address(), {.executor = std::ref(executor)});
  AsyncLock lock(*client_, "k", {.expire = 30s});
  std::thread::id ran_on;
  lock.AcquireThen([&](const absl::StatusOr<Lease>&) { ran_on = std::this_thread::get_id(); });
  executor.RunOne();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  client_ = nullptr;
}

TEST_F(AsyncLockTest, CallbackMayDestroyTheClient) {
  auto lock = std::make_unique<AsyncLock>(*client_, "k", LockOptions{.expire = 30s});
  std::promise<void> destroyed;
  lock->AcquireThen([&](const absl::StatusOr<Lease>& lease) {
    EXPECT_TRUE(lease.ok());
    client_ = nullptr;
    destroyed.set_value();
  });
  destroyed.get_future().get();
  EXPECT_FALSE(Taken());
  EXPECT_TRUE(absl::IsFailedPrecondition(Acquire(*lock).get().status()));
}

TEST_F(AsyncLockTest, DetachedLeaseStaysOnTheServer) {
  auto lock = std::make_unique<AsyncLock>(*client_, "k", LockOptions{.expire = 30s});
  EXPECT_TRUE(absl::IsFailedPrecondition(lock->Detach().status()));
  std::promise<std::uint64_t> detached;
  // Also where callbacks run.
  lock->AcquireThen(
      [&](const absl::StatusOr<Lease>&) { detached.set_value(lock->Detach()->fencing_token()); });
  const std::uint64_t token = detached.get_future().get();
  EXPECT_EQ(lock->lease(), std::nullopt);
  lock = nullptr;
  client_ = nullptr;
  const auto info = observer_->Get("k");
  ASSERT_EQ(info->holders.size(), 1U);
  EXPECT_EQ(info->holders[0].fencing_token, token);
}

// --- One object shared -----------------------------------------------------------------

TEST_F(AsyncLockTest, SecondAcquireThroughTheObjectWaitsForTheFirst) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  const auto first = Acquire(lock).get();
  ASSERT_TRUE(first.ok());
  auto second = Acquire(lock);
  ASSERT_TRUE(AwaitQueue(1));
  EXPECT_EQ(second.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(Release(lock), absl::OkStatus());
  const auto lease = second.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_GT(lease->fencing_token(), first->fencing_token());
  EXPECT_EQ(lock.lease()->lease_id(), lease->lease_id());
}

TEST_F(AsyncLockTest, WhoAcquiresAgainWhatItHoldsTimesOut) {
  AsyncLock lock(*client_, "k", {.timeout = 30ms, .expire = 30s});
  ASSERT_TRUE(Acquire(lock).get().ok());
  EXPECT_EQ(ReasonOf(Acquire(lock).get().status()), ErrorReason::kWaitTimeout);
  EXPECT_TRUE(lock.lease()->valid());
}

TEST_F(AsyncLockTest, LateHolderDoesNotReleaseItsSuccessor) {
  AsyncLock lock(*client_, "k", {.expire = 150ms, .auto_renew = false});
  const auto lost = Acquire(lock).get();
  ASSERT_TRUE(lost.ok());
  const auto successor = Acquire(lock).get();
  ASSERT_TRUE(successor.ok()) << successor.status();
  EXPECT_EQ(ReasonOf(Release(lock)), ErrorReason::kLeaseExpired);
  EXPECT_NE(successor->state(), LeaseState::kReleased);
  std::promise<absl::Status> released;
  lock.ReleaseThen(*successor, [&](absl::Status status) { released.set_value(std::move(status)); });
  released.get_future().wait();
  EXPECT_EQ(lock.lease(), std::nullopt);
}

TEST_F(AsyncLockTest, MovedLockTakesItsLeaseAlong) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(Acquire(lock).get().ok());
  AsyncLock moved = std::move(lock);
  EXPECT_EQ(Release(moved), absl::OkStatus());
  EXPECT_FALSE(Taken());
  moved = AsyncLock(*client_, "other", {.expire = 30s});
  EXPECT_EQ(moved.key(), "other");
}

// --- Coroutines ---------------------------------------------------------------------------

TEST_F(AsyncLockTest, CoroutineTakesAndReleases) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  std::promise<void> done;
  [](AsyncLock& l, std::promise<void>& p) -> Detached {
    const auto lease = co_await l.Acquire();
    EXPECT_TRUE(lease.ok()) << lease.status();
    const auto locked = co_await l.Locked();
    EXPECT_EQ(*locked, true);
    const absl::Status renewed = co_await l.Renew();
    EXPECT_EQ(renewed, absl::OkStatus());
    const absl::Status released = co_await l.Release();
    EXPECT_EQ(released, absl::OkStatus());
    const absl::Status again = co_await l.Release();
    EXPECT_TRUE(absl::IsFailedPrecondition(again));
    p.set_value();
  }(lock, done);
  done.get_future().get();
  EXPECT_FALSE(Taken());
}

TEST_F(AsyncLockTest, CoroutinesTakeTurns) {
  constexpr int kCoroutines = 20;
  constexpr int kRounds = 10;
  int inside = 0;  // Not atomic: the lock is the only guard.
  std::uint64_t last_token = 0;
  std::atomic<int> ended{0};
  // The captures are the closure's, so it has to outlive its coroutines.
  const auto take_turns = [&](Client& client) -> Detached {
    AsyncLock lock(client, "k", {.expire = 30s});
    for (int round = 0; round < kRounds; ++round) {
      auto lease = co_await lock.AcquireScoped();
      EXPECT_TRUE(lease.ok()) << lease.status();
      EXPECT_EQ(++inside, 1);
      EXPECT_GT((*lease)->fencing_token(), last_token);
      last_token = (*lease)->fencing_token();
      --inside;
    }
    ++ended;
  };
  for (int i = 0; i < kCoroutines; ++i) take_turns(*client_);
  EXPECT_TRUE(Eventually([&] { return ended == kCoroutines; }));
  EXPECT_TRUE(Eventually([&] { return !Taken(); }));
}

TEST_F(AsyncLockTest, DestroyedCoroutineLeavesTheQueue) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  AsyncLock lock(*client_, "k", {.expire = 30s});
  {
    const Owned coroutine = [](AsyncLock& l) -> Owned {
      const auto lease = co_await l.Acquire();
      ADD_FAILURE() << "it was destroyed";
    }(lock);
    ASSERT_TRUE(AwaitQueue(1));
  }
  EXPECT_TRUE(AwaitQueue(0));
  EXPECT_EQ(lock.lease(), std::nullopt);
}

TEST_F(AsyncLockTest, GrantToADestroyedCoroutineIsGivenBack) {
  ManualExecutor executor;
  const auto client = *Client::Create(server_.address(), {.executor = std::ref(executor)});
  AsyncLock lock(*client, "k", {.expire = 30s});
  {
    const Owned coroutine = [](AsyncLock& l) -> Owned {
      const auto lease = co_await l.Acquire();
      ADD_FAILURE() << "it was destroyed";
    }(lock);
    // Granted, but the coroutine has not heard of it yet.
    ASSERT_TRUE(Eventually([&] { return executor.size() == 1; }));
  }
  executor.RunOne();
  EXPECT_TRUE(Eventually([&] { return !Taken(); }));
  EXPECT_EQ(lock.lease(), std::nullopt);
}

// --- Cancelling, at every point -----------------------------------------------------------

TEST_F(AsyncLockTest, CancelledBeforeItIsSent) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(Acquire(lock, stop.get_token()).get().status()));
  EXPECT_FALSE(Taken());
}

TEST_F(AsyncLockTest, CancelledWhileItIsOnItsWay) {
  for (int i = 0; i < 200; ++i) {
    AsyncLock lock(*client_, "k", {.expire = 30s});
    std::stop_source stop;
    auto lease = Acquire(lock, stop.get_token());
    if (i % 2 == 1) LetPass(std::chrono::microseconds(5 * i));
    stop.request_stop();
    const auto result = lease.get();
    if (result.ok()) {
      EXPECT_EQ(Release(lock), absl::OkStatus());
    } else {
      EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
    }
  }
  EXPECT_TRUE(Eventually([&] { return !Taken() && QueueLength() == 0; }));
}

TEST_F(AsyncLockTest, CancelledWhileItIsQueued) {
  SyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(holder.Acquire().ok());
  AsyncLock lock(*client_, "k", {.expire = 30s});
  std::stop_source stop;
  auto lease = Acquire(lock, stop.get_token());
  ASSERT_TRUE(AwaitQueue(1));
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(lease.get().status()));
  EXPECT_TRUE(AwaitQueue(0));
}

TEST_F(AsyncLockTest, CancelledWhileItIsGranted) {
  for (int i = 0; i < 100; ++i) {
    SyncLock holder(*client_, "k", {.expire = 30s});
    ASSERT_TRUE(holder.Acquire().ok());
    AsyncLock lock(*client_, "k", {.expire = 30s});
    std::stop_source stop;
    auto lease = Acquire(lock, stop.get_token());
    std::thread canceller([&] {
      LetPass(std::chrono::microseconds(10 * i));
      stop.request_stop();
    });
    EXPECT_EQ(holder.Release(), absl::OkStatus());
    canceller.join();
    if (lease.get().ok()) {
      EXPECT_EQ(Release(lock), absl::OkStatus());
    }
  }
  EXPECT_TRUE(Eventually([&] { return !Taken() && QueueLength() == 0; }));
}

TEST_F(AsyncLockTest, DestroyedLockCancelsAndReleases) {
  AsyncLock holder(*client_, "k", {.expire = 30s});
  ASSERT_TRUE(Acquire(holder).get().ok());
  auto waiting = std::make_unique<AsyncLock>(*client_, "k", LockOptions{.expire = 30s});
  auto lease = Acquire(*waiting);
  ASSERT_TRUE(AwaitQueue(1));
  waiting = nullptr;
  EXPECT_TRUE(absl::IsCancelled(lease.get().status()));
  EXPECT_TRUE(AwaitQueue(0));
  EXPECT_TRUE(Taken());
}

}  // namespace
}  // namespace holdfast
