// A client with a session, and a real server: what it hears unasked, and what becomes of its
// leases when the stream breaks.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/steered_proxy.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class SessionClientTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(proxy_.address(), {.session = true});
    observer_ = *Client::Create(server_.address(), {.session = false});
  }

  bool Held() { return !observer_->Get("k")->holders.empty(); }

  ServerProcess server_{{.flags = {"--reattach-window=300ms"}}};
  SteeredProxy proxy_{server_.address()};
  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> observer_;  // Not through the proxy, and without a session.
};

// It has nothing to renew: over calls it would hear of this from its release only.
TEST_F(SessionClientTest, ForcedReleaseIsSignalledToWhoAsksNothing) {
  SyncLock lock(*client_, "k");
  const Lease lease = *lock.Acquire();
  ASSERT_TRUE(observer_->ForceRelease("k", lease.fencing_token()).ok());
  ASSERT_TRUE(Eventually([&] { return lease.lost().stop_requested(); }));
  EXPECT_EQ(ReasonOf(lease.status()), ErrorReason::kLeaseForced);
  EXPECT_EQ(ReasonOf(lock.Release()), ErrorReason::kLeaseForced);
}

TEST_F(SessionClientTest, LeasesOutliveTheirStream) {
  std::vector<std::unique_ptr<SyncLock>> locks;
  std::vector<Lease> leases;
  // More than a page of the list.
  for (int i = 0; i < 100; ++i) {
    locks.push_back(
        std::make_unique<SyncLock>(*client_, "k" + std::to_string(i), LockOptions{.expire = 60s}));
    leases.push_back(*locks.back()->Acquire());
  }
  // The answer to what is sent behind the last grant says that it is known to have arrived.
  SyncLock other(*client_, "other");
  ASSERT_TRUE(other.Acquire().ok());
  ASSERT_EQ(other.Release(), absl::OkStatus());
  for (int cut = 0; cut < 3; ++cut) {
    const int before = proxy_.connections();
    proxy_.Cut();
    ASSERT_TRUE(Eventually([&] { return proxy_.connections() > before; }));
  }
  // Long after the window, the server has them still, and the new stream releases them.
  std::this_thread::sleep_for(1s);
  for (std::size_t i = 0; i < locks.size(); ++i) {
    EXPECT_FALSE(observer_->Get(locks[i]->key())->holders.empty());
    EXPECT_TRUE(leases[i].valid());
    EXPECT_EQ(locks[i]->Release(), absl::OkStatus());
  }
}

TEST_F(SessionClientTest, WaiterKeepsItsPlaceWhenTheStreamBreaks) {
  SyncLock held(*observer_, "k", {.expire = 60s});
  ASSERT_TRUE(held.Acquire().ok());
  absl::Status status = absl::UnknownError("");
  {
    const std::jthread waiter([&] {
      SyncLock lock(*client_, "k", {.timeout = 30s, .expire = 60s});
      status = lock.Acquire().status();
    });
    ASSERT_TRUE(Eventually([&] { return observer_->Get("k")->queue_length == 1; }));
    const int before = proxy_.connections();
    proxy_.Cut();
    ASSERT_TRUE(Eventually([&] { return proxy_.connections() > before; }));
    EXPECT_EQ(held.Release(), absl::OkStatus());
  }
  EXPECT_EQ(status, absl::OkStatus());
}

TEST_F(SessionClientTest, LeasesOutliveARestartOfTheServer) {
  SyncLock lock(*client_, "k", {.expire = 60s, .auto_renew = true});
  const Lease lease = *lock.Acquire();
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  std::this_thread::sleep_for(1s);
  EXPECT_TRUE(Held());
  EXPECT_TRUE(lease.valid());
  EXPECT_EQ(lock.Release(), absl::OkStatus());
}

TEST_F(SessionClientTest, DetachedLeaseOutlivesItsClient) {
  std::optional<Lease> lease;
  {
    SyncLock lock(*client_, "k", {.expire = 60s, .bound = true});
    ASSERT_TRUE(lock.Acquire().ok());
    lease = *lock.Detach();
  }
  client_ = nullptr;
  std::this_thread::sleep_for(1s);
  EXPECT_TRUE(Held());
  EXPECT_EQ(observer_->Release("k", lease->lease_id()), absl::OkStatus());
}

TEST_F(SessionClientTest, LongestHoldEndsALeaseThatIsRenewed) {
  SyncLock lock(*client_, "k", {.expire = 2s, .auto_renew = true, .max_hold = 3s});
  const Lease lease = *lock.Acquire();
  EXPECT_TRUE(Eventually([&] { return lease.lost().stop_requested(); }));
  EXPECT_TRUE(Eventually([&] { return !Held(); }));
}

TEST_F(SessionClientTest, BoundNeedsAnExpireAndASessionOnAUnixSocket) {
  SyncLock endless(*client_, "k", {.bound = true});
  EXPECT_TRUE(absl::IsInvalidArgument(endless.Acquire().status()));
  SyncLock without(*observer_, "k", {.expire = 60s, .bound = true});
  EXPECT_TRUE(absl::IsInvalidArgument(without.Acquire().status()));
}

// Its lease would last for a minute.
TEST_F(SessionClientTest, BoundLeaseEndsWithItsProcess) {
  const auto holder = *ChildProcess::Start(
      {.argv = {Runfile("clients/cpp/lease_holder"), server_.address(), "k", "60000", "bound"},
       .talk = true});
  ASSERT_EQ(holder->ReadLine(10s).value_or("nothing"), "held");
  ASSERT_TRUE(Held());
  holder->Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !Held(); }));
}

// By one message for all, whatever becomes of the connection.
TEST_F(SessionClientTest, ManyLeasesAreRenewedOverNewConnections) {
  std::vector<std::unique_ptr<SyncLock>> locks;
  std::vector<Lease> leases;
  for (int i = 0; i < 50; ++i) {
    locks.push_back(std::make_unique<SyncLock>(*client_, "k" + std::to_string(i),
                                               LockOptions{.expire = 4s, .auto_renew = true}));
    leases.push_back(*locks.back()->Acquire());
  }
  const MonotonicTime first = leases.back().deadline();
  for (int cut = 0; cut < 2; ++cut) {
    proxy_.Cut();
    EXPECT_TRUE(Eventually([&] {
      return std::all_of(leases.begin(), leases.end(), [&](const Lease& lease) {
        return lease.deadline() > first + (cut + 1) * 2s;
      });
    }));
  }
  for (std::size_t i = 0; i < locks.size(); ++i) {
    EXPECT_FALSE(leases[i].lost().stop_requested());
    EXPECT_EQ(locks[i]->Release(), absl::OkStatus());
  }
}

TEST(SmallSessionMessagesTest, CarryLongKeys) {
  ServerProcess server({.flags = {"--max-message-bytes=4096", "--reattach-window=100ms"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  SteeredProxy proxy(server.address());
  const auto client = *Client::Create(proxy.address(), {.session = true});
  const auto observer = *Client::Create(server.address());
  std::vector<std::unique_ptr<SyncLock>> locks;
  for (int i = 0; i < 40; ++i) {
    locks.push_back(std::make_unique<SyncLock>(*client, std::string(500, 'k') + std::to_string(i),
                                               LockOptions{.expire = 60s}));
    ASSERT_TRUE(locks.back()->Acquire().ok());
  }
  const int before = proxy.connections();
  proxy.Cut();
  ASSERT_TRUE(Eventually([&] { return proxy.connections() > before; }));
  // Long after the window they are all there: they were listed, in several pages.
  std::this_thread::sleep_for(500ms);
  for (const auto& lock : locks) {
    EXPECT_FALSE(observer->Get(lock->key())->holders.empty());
    EXPECT_EQ(lock->Release(), absl::OkStatus());
  }
}

TEST(FullSessionTest, WhatFindsNoPlaceInItIsDoneByCalls) {
  ServerProcess server({.flags = {"--max-session-operations=8"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const auto client = *Client::Create(server.address(), {.session = true});
  SyncLock holder(*client, "k", {.expire = 60s});
  ASSERT_TRUE(holder.Acquire().ok());
  std::atomic<int> granted{0};
  std::vector<std::unique_ptr<AsyncLock>> waiters;
  for (int i = 0; i < 20; ++i) {
    waiters.push_back(std::make_unique<AsyncLock>(*client, "k", LockOptions{.expire = 60s}));
    AsyncLock& lock = *waiters.back();
    lock.AcquireThen([&](const absl::StatusOr<Lease>& lease) {
      EXPECT_TRUE(lease.ok()) << lease.status();
      ++granted;
      lock.ReleaseThen([](const absl::Status& status) { EXPECT_EQ(status, absl::OkStatus()); });
    });
  }
  ASSERT_TRUE(Eventually([&] { return client->Get("k")->queue_length == 20; }));
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return granted == 20; }));
}

TEST_F(SessionClientTest, ManyCallersShareTheStream) {
  std::vector<std::jthread> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([this, i] {
      SyncLock lock(*client_, "k" + std::to_string(i % 4), {.timeout = 60s, .expire = 60s});
      for (int round = 0; round < 50; ++round) {
        ASSERT_TRUE(lock.Acquire().ok());
        ASSERT_EQ(lock.Release(), absl::OkStatus());
      }
    });
  }
}

}  // namespace
}  // namespace holdfast
