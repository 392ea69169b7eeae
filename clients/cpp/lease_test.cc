// When a lease counts as held, uncertain and lost: against a real server that is
// stopped, killed and started again.

#include "holdfast/lease.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class LeaseTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address(), {.call_timeout = 200ms});
  }

  // Takes the lock and notes how far from the deadline the loss is signalled.
  void Hold(Duration expire) {
    lock_ = std::make_unique<SyncLock>(*client_, "k",
                                       LockOptions{.expire = expire, .auto_renew = true});
    const auto lease = lock_->Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    lease_ = std::make_unique<Lease>(*lease);
    on_lost_.emplace(lease_->lost(), [this] {
      left_when_lost_ = (lease_->deadline() - MonotonicClock::now()).count();
      lost_ = true;
    });
  }

  void ExpectLostBeforeTheDeadline() {
    ASSERT_TRUE(Eventually([this] { return lost_.load(); }));
    EXPECT_GT(left_when_lost_, 0);
    EXPECT_EQ(lease_->state(), LeaseState::kLost);
    EXPECT_EQ(ReasonOf(lease_->status()), ErrorReason::kLeaseExpired);
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<SyncLock> lock_;
  std::unique_ptr<Lease> lease_;
  std::atomic<bool> lost_{false};
  std::atomic<Duration::rep> left_when_lost_{0};
  std::optional<std::stop_callback<std::function<void()>>> on_lost_;
};

TEST_F(LeaseTest, IsRenewedForAsLongAsItIsHeld) {
  Hold(300ms);
  LetPass(1500ms);
  EXPECT_EQ(lease_->state(), LeaseState::kHeld);
  EXPECT_FALSE(lost_);
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
}

TEST_F(LeaseTest, IsLostBeforeItsDeadlineWhenTheServerIsStopped) {
  Hold(3s);
  server_.Signal(SIGSTOP);
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kUncertain; }));
  ExpectLostBeforeTheDeadline();
  server_.Signal(SIGCONT);
}

TEST_F(LeaseTest, OutlivesAServerThatIsStoppedForAWhile) {
  Hold(4s);
  server_.Signal(SIGSTOP);
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kUncertain; }));
  EXPECT_TRUE(lease_->valid());
  server_.Signal(SIGCONT);
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kHeld; }));
  EXPECT_FALSE(lost_);
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
}

TEST_F(LeaseTest, IsLostBeforeItsDeadlineWhenTheServerIsGoneForGood) {
  Hold(3s);
  server_.Kill9();
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kUncertain; }));
  ExpectLostBeforeTheDeadline();
}

TEST_F(LeaseTest, OutlivesARestartOfTheServer) {
  Hold(6s);
  server_.Kill9();
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kUncertain; }));
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_TRUE(Eventually([this] { return lease_->state() == LeaseState::kHeld; }));
  EXPECT_FALSE(lost_);
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
}

TEST_F(LeaseTest, WaiterComesBackToARestartedServer) {
  Hold(6s);
  SyncLock waiter(*client_, "k", {.timeout = 30s, .expire = 30s});
  std::atomic<bool> acquired{false};
  const std::jthread waiting([&] {
    const auto lease = waiter.Acquire();
    EXPECT_TRUE(lease.ok()) << lease.status();
    acquired = true;
  });
  const auto queued = [this] {
    const auto info = client_->Get("k");
    return info.ok() && info->queue_length == 1;
  };
  ASSERT_TRUE(Eventually(queued));
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  ASSERT_TRUE(Eventually(queued));
  EXPECT_FALSE(acquired);
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return acquired.load(); }));
}

// A holder in a process of its own, which can be stopped.
class LeaseHolderTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    holder_ = *ChildProcess::Start(
        {.argv = {Runfile("clients/cpp/lease_holder"), server_.address(), "k", "1000"},
         .talk = true});
    ASSERT_EQ(ReadLine(), "held");
  }

  std::string ReadLine() { return holder_->ReadLine(kWaitLimit).value_or("nothing"); }

  ServerProcess server_;
  std::unique_ptr<ChildProcess> holder_;
};

TEST_F(LeaseHolderTest, IsLostToAProcessThatWasStoppedPastItsDeadline) {
  holder_->Signal(SIGSTOP);
  const auto client = *Client::Create(server_.address());
  SyncLock successor(*client, "k", {.expire = 30s});
  ASSERT_TRUE(successor.Acquire().ok());
  // Whichever is first: neither the signal nor the state says that it is held.
  holder_->WriteLine("state");
  holder_->Signal(SIGCONT);
  EXPECT_THAT((std::vector<std::string>{ReadLine(), ReadLine()}),
              testing::UnorderedElementsAre("lost LEASE_EXPIRED", "state lost"));
  holder_->WriteLine("release");
  EXPECT_EQ(ReadLine(), "release LEASE_EXPIRED");
  EXPECT_EQ(*successor.Locked(), true);
  EXPECT_EQ(successor.Release(), absl::OkStatus());
}

TEST_F(LeaseHolderTest, LockOfAKilledHolderIsFreeAfterItsExpiry) {
  holder_->Signal(SIGKILL);
  const auto client = *Client::Create(server_.address());
  SyncLock successor(*client, "k", {.timeout = 20s, .expire = 30s});
  const auto lease = successor.Acquire();
  EXPECT_TRUE(lease.ok()) << lease.status();
}

}  // namespace
}  // namespace holdfast
