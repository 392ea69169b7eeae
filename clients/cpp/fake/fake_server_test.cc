// The fake server, as the tests of a program would use it. Without gRPC, so these are the
// tests in which the thread sanitizer sees SyncLock and AsyncLock whole.

#include "holdfast/testing/fake_server.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class FakeServerTest : public testing::Test {
 protected:
  void AwaitQueue(std::uint32_t count) {
    while (client_->Get("k")->queue_length != count) std::this_thread::yield();
  }

  FakeServer server_;
  std::unique_ptr<Client> client_ = *server_.NewClient({.owner = "test"});
};

TEST_F(FakeServerTest, LockIsTakenAndGivenBack) {
  SyncLock lock(*client_, "k", {.expire = 30s, .tags = "t"});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->fencing_token(), 1U);
  EXPECT_LE(lease->deadline(), server_.Now() + 30s);
  const auto info = client_->Get("k");
  ASSERT_EQ(info->holders.size(), 1U);
  EXPECT_EQ(info->holders[0].owner, "test");
  EXPECT_THAT(info->holders[0].tags, testing::ElementsAre("t"));
  EXPECT_EQ(lock.Release(), absl::OkStatus());
  EXPECT_EQ(*lock.Locked(), false);
}

TEST_F(FakeServerTest, LeaseLapsesWhenItsTimeHasPassed) {
  SyncLock lock(*client_, "k", {.expire = 30s});
  const Lease lease = *lock.Acquire();
  server_.Advance(20s);
  EXPECT_TRUE(lease.valid());
  EXPECT_TRUE(*lock.Locked());
  server_.Advance(10s);
  EXPECT_EQ(lease.state(), LeaseState::kLost);
  EXPECT_TRUE(lease.lost().stop_requested());
  EXPECT_FALSE(*lock.Locked());
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseExpired);
}

TEST_F(FakeServerTest, RenewedLeaseLastsAndIsLostWhenTheServerIsAway) {
  SyncLock lock(*client_, "k", {.expire = 30s, .auto_renew = true});
  const Lease lease = *lock.Acquire();
  server_.Advance(1h);
  EXPECT_EQ(lease.state(), LeaseState::kHeld);
  server_.SetReachable(false);
  server_.Advance(12s);
  EXPECT_EQ(lease.state(), LeaseState::kUncertain);
  server_.Advance(30s);
  EXPECT_EQ(lease.state(), LeaseState::kLost);
  server_.SetReachable(true);
}

TEST_F(FakeServerTest, SecondWaitsForTheFirstOrTimesOut) {
  const auto other = *server_.NewClient({.owner = "other"});
  SyncLock first(*client_, "k", {.expire = 1h});
  SyncLock second(*other, "k", {.timeout = 10s, .expire = 1h});
  ASSERT_TRUE(first.Acquire().ok());
  auto late = std::async(std::launch::async, [&] { return second.Acquire(); });
  AwaitQueue(1);
  server_.Advance(10s);
  const auto timed_out = late.get();
  EXPECT_EQ(ReasonOf(timed_out.status()), ErrorReason::kWaitTimeout);
  EXPECT_EQ(ErrorMetadata(timed_out.status())["owner"], "test");

  auto granted = std::async(std::launch::async, [&] { return second.Acquire(); });
  AwaitQueue(1);
  EXPECT_EQ(first.Release(), absl::OkStatus());
  EXPECT_EQ(granted.get()->fencing_token(), 2U);
  EXPECT_FALSE(first.try_lock());
  EXPECT_EQ(ReasonOf(first.last_status()), ErrorReason::kLockHeld);
}

// on_queued may refer to what is gone when the caller goes on.
TEST_F(FakeServerTest, AcquireDoesNotReturnWhileItsPlaceIsBeingReported) {
  SyncLock first(*client_, "k");
  ASSERT_TRUE(first.Acquire().ok());
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> done = false;
  const auto report = [&, once = std::make_shared<std::once_flag>()](const QueueInfo&) {
    std::call_once(*once, [&] {
      begun.set_value();
      go_on.get_future().wait();
      done = true;
    });
  };
  SyncLock second(*client_, "k", {.on_queued = report});
  auto granted = std::async(std::launch::async, [&] {
    EXPECT_TRUE(second.Acquire().ok());
    return done.load();
  });
  begun.get_future().wait();
  EXPECT_EQ(first.Release(), absl::OkStatus());
  EXPECT_EQ(granted.wait_for(20ms), std::future_status::timeout);
  go_on.set_value();
  EXPECT_TRUE(granted.get());
}

TEST_F(FakeServerTest, LeaseThatWasForcedIsLostAtTheNextRenewal) {
  const auto without_session = *server_.NewClient({.owner = "test", .session = false});
  SyncLock lock(*without_session, "k", {.expire = 30s, .auto_renew = true});
  const Lease lease = *lock.Acquire();
  EXPECT_EQ(client_->ForceRelease("k", lease.fencing_token())->owner, "test");
  server_.Advance(15s);
  EXPECT_EQ(lease.state(), LeaseState::kLost);
  EXPECT_EQ(ReasonOf(lease.status()), ErrorReason::kLeaseForced);
}

class FakeSessionTest : public FakeServerTest {
 protected:
  FakeSessionTest() { client_ = *server_.NewClient({.owner = "test", .session = true}); }
};

TEST_F(FakeSessionTest, ForcedReleaseIsSignalledAtOnce) {
  SyncLock lock(*client_, "k");
  const Lease lease = *lock.Acquire();
  ASSERT_TRUE(client_->ForceRelease("k", 0).ok());
  server_.Advance(0s);
  EXPECT_TRUE(lease.lost().stop_requested());
  EXPECT_EQ(ReasonOf(lease.status()), ErrorReason::kLeaseForced);
}

TEST_F(FakeSessionTest, WhatEndedWhileItWasAwayIsToldWhenItIsBack) {
  const auto other = *server_.NewClient();
  SyncLock lock(*client_, "k", {.expire = 1h, .max_hold = 5s});
  SyncLock still_held(*client_, "other");
  const Lease lease = *lock.Acquire();
  ASSERT_TRUE(still_held.Acquire().ok());
  server_.SetReachable(false);
  server_.Advance(6s);
  server_.SetReachable(true);
  server_.Advance(0s);
  EXPECT_TRUE(lease.lost().stop_requested());
  EXPECT_TRUE(*still_held.Locked());
}

TEST_F(FakeSessionTest, ManyLeasesAreRenewedForAsLongAsTheyAreHeld) {
  std::vector<std::unique_ptr<SyncLock>> locks;
  std::vector<Lease> leases;
  for (int i = 0; i < 100; ++i) {
    locks.push_back(std::make_unique<SyncLock>(*client_, "k" + std::to_string(i),
                                               LockOptions{.expire = 30s, .auto_renew = true}));
    leases.push_back(*locks.back()->Acquire());
  }
  // Held through the others' renewals, and not renewed by them.
  SyncLock lapsing(*client_, "lapsing", {.expire = 100s});
  ASSERT_TRUE(lapsing.Acquire().ok());
  server_.Advance(99s);
  EXPECT_TRUE(*lapsing.Locked());
  server_.Advance(1s);
  EXPECT_FALSE(*lapsing.Locked());
  server_.Advance(1h);
  for (const Lease& lease : leases) EXPECT_EQ(lease.state(), LeaseState::kHeld);
}

TEST_F(FakeSessionTest, DetachedLeaseIsNotRenewedWithTheOthers) {
  SyncLock a(*client_, "a", {.expire = 30s, .auto_renew = true});
  SyncLock b(*client_, "b", {.expire = 30s, .auto_renew = true});
  SyncLock detached(*client_, "detached", {.expire = 30s, .auto_renew = true, .bound = true});
  ASSERT_TRUE(a.Acquire().ok());
  ASSERT_TRUE(b.Acquire().ok());
  ASSERT_TRUE(detached.Acquire().ok());
  server_.Advance(20s);
  ASSERT_TRUE(detached.Detach().ok());
  server_.Advance(29s);
  EXPECT_TRUE(*a.Locked());
  server_.Advance(11s);
  EXPECT_FALSE(*detached.Locked());
  EXPECT_TRUE(*a.Locked());
}

TEST_F(FakeServerTest, LocksAreListedWatchedAndReleasedByTag) {
  std::vector<std::string> told;
  auto watch =
      *client_->Watch({}, {.on_event = [&](const LockEvent& event) { told.push_back(event.key); }});
  SyncLock a(*client_, "a", {.tags = {"x", "y"}});
  SyncLock b(*client_, "b", {.tags = "x"});
  ASSERT_TRUE(a.Acquire().ok());
  ASSERT_TRUE(b.Acquire().ok());
  EXPECT_EQ(client_->List({.tags = "x"})->locks.size(), 2U);
  const auto page = client_->List({}, "", 1);
  EXPECT_NE(page->next_page_token, "");
  EXPECT_EQ(client_->List({}, page->next_page_token)->locks.at(0).key, "b");
  EXPECT_EQ(client_->ReleaseByTag("y")->locks.at(0).key, "a");
  EXPECT_EQ(client_->List()->locks.size(), 1U);
  server_.Advance(0s);  // Callbacks have run when it returns.
  EXPECT_THAT(told, testing::ElementsAre("", "a", "b", "a"));
}

TEST_F(FakeServerTest, WaiterKeepsItsPlaceThroughAnOutage) {
  const auto other = *server_.NewClient();
  std::atomic<int> outages{0};
  SyncLock holder(*client_, "k", {.expire = 1h});
  ASSERT_TRUE(holder.Acquire().ok());
  SyncLock lock(*other, "k", {.expire = 1h, .on_unavailable = [&](const Outage&) { ++outages; }});
  auto acquired = std::async(std::launch::async, [&] { return lock.Acquire(); });
  AwaitQueue(1);
  server_.SetReachable(false);
  server_.Advance(5s);
  EXPECT_EQ(outages, 1);
  server_.SetReachable(true);
  server_.Advance(5s);
  EXPECT_EQ(client_->Get("k")->queue_length, 1U);
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  EXPECT_TRUE(acquired.get().ok());
}

TEST_F(FakeServerTest, AcquireGivesUpWithoutAServer) {
  const auto impatient = *server_.NewClient({.connect_timeout = 5s});
  server_.SetReachable(false);
  AsyncLock lock(*impatient, "k", {.expire = 30s});
  std::optional<absl::Status> status;
  lock.AcquireThen([&](const absl::StatusOr<Lease>& lease) { status = lease.status(); });
  server_.Advance(4900ms);
  EXPECT_EQ(status, std::nullopt);
  server_.Advance(100ms);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status));
  server_.SetReachable(true);
}

TEST_F(FakeServerTest, ThreadsShareOneLock) {
  SyncLock lock(*client_, "k", {.expire = 1h});
  int inside = 0;  // Not atomic: the lock is the only guard.
  int turns = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int turn = 0; turn < 125; ++turn) {
          const std::lock_guard<SyncLock> held(lock);
          EXPECT_EQ(++inside, 1);
          ++turns;
          --inside;
        }
      });
    }
  }
  EXPECT_EQ(turns, 1'000);
}

TEST_F(FakeServerTest, TimePassesWhileThreadsWork) {
  SyncLock lock(*client_, "k", {.expire = 10s, .auto_renew = true});
  std::atomic<bool> done{false};
  std::jthread worker([&] {
    for (int turn = 0; turn < 200; ++turn) {
      const auto lease = lock.AcquireScoped();
      ASSERT_TRUE(lease.ok()) << lease.status();
    }
    done = true;
  });
  while (!done) server_.Advance(1s);
}

}  // namespace
}  // namespace holdfast
