// Connections to a real server that break or go silent while a lease is held: it is lost
// only if it cannot be renewed in time, and then before its deadline.

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>

#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/steered_proxy.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

// Over a session, or over calls.
class BrokenLeaseTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(proxy_.address(), {.session = GetParam()});
    observer_ = *Client::Create(server_.address());
  }

  // Takes the lock through the proxy, and keeps it.
  Lease Hold(Duration expire) {
    lock_ = std::make_unique<SyncLock>(*client_, "k",
                                       LockOptions{.expire = expire, .auto_renew = true});
    return *lock_->Acquire();
  }

  bool Held() { return !observer_->Get("k")->holders.empty(); }

  ServerProcess server_;
  SteeredProxy proxy_{server_.address()};
  std::unique_ptr<Client> client_;
  std::unique_ptr<Client> observer_;  // Not through the proxy.
  std::unique_ptr<SyncLock> lock_;
};

TEST_P(BrokenLeaseTest, IsRenewedOverNewConnections) {
  const Lease lease = Hold(2s);
  const MonotonicTime first_deadline = lease.deadline();
  // Until it lives on renewals alone.
  while (lease.deadline() - first_deadline < 2s) {
    const MonotonicTime before = lease.deadline();
    proxy_.Cut();
    ASSERT_TRUE(Eventually([&] { return lease.deadline() > before; })) << lease.status();
  }
  EXPECT_EQ(lease.state(), LeaseState::kHeld);
  EXPECT_FALSE(lease.lost().stop_requested());
}

TEST_P(BrokenLeaseTest, IsUncertainWhileAnswersAreMissingAndThenHeldAgain) {
  const Lease lease = Hold(4s);
  proxy_.Hold(SteeredProxy::kToClient);
  ASSERT_TRUE(Eventually([&] { return lease.state() == LeaseState::kUncertain; }));
  EXPECT_TRUE(lease.valid());
  proxy_.Pass(SteeredProxy::kToClient);
  EXPECT_TRUE(Eventually([&] { return lease.state() == LeaseState::kHeld; }));
  EXPECT_FALSE(lease.lost().stop_requested());
}

TEST_P(BrokenLeaseTest, IsLostBeforeItsDeadlineWhenOnlyAnswersAreMissing) {
  const Lease lease = Hold(2s);
  std::promise<Duration> left;
  const std::stop_callback<std::function<void()>> on_lost(
      lease.lost(), [&] { left.set_value(lease.deadline() - MonotonicClock::now()); });
  proxy_.Hold(SteeredProxy::kToClient);
  EXPECT_GT(left.get_future().get(), Duration::zero());
  EXPECT_EQ(lease.state(), LeaseState::kLost);
  // The server was told to renew, and did; but its holder could not know.
  EXPECT_TRUE(Held());
  proxy_.Pass(SteeredProxy::kToClient);
}

TEST_P(BrokenLeaseTest, ReleaseWhoseAnswerWasLostIsSentAgainAndIsWell) {
  Hold(1min);
  ASSERT_EQ(*lock_->Locked(), true);
  proxy_.Hold(SteeredProxy::kToClient);
  auto released = std::async(std::launch::async, [&] { return lock_->Release(); });
  ASSERT_TRUE(Eventually([&] { return !Held(); }));
  proxy_.Cut();
  proxy_.Pass(SteeredProxy::kToClient);
  EXPECT_EQ(released.get(), absl::OkStatus());
}

INSTANTIATE_TEST_SUITE_P(Transports, BrokenLeaseTest, testing::Bool(), [](const auto& session) {
  return session.param ? "OverASession" : "OverCalls";
});

}  // namespace
}  // namespace holdfast
