// Connections to a real server that break or go silent while an acquire waits: it comes
// back under the same lease_id, within its timeout.

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/steered_proxy.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

// Over a session, or over calls.
class BrokenWaitTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(proxy_.address(), {.owner = "far", .session = GetParam()});
  }

  v1::Lock Look() { return observer_.Get("k").response; }

  // Waits until somebody of this name has this place, and is there to be granted.
  bool AwaitPlace(const std::string& owner, int place) {
    return Eventually([&] {
      const v1::Lock lock = Look();
      return lock.waiters_size() >= place && lock.waiters(place - 1).owner() == owner &&
             !lock.waiters(place - 1).parked();
    });
  }

  // An acquire through the proxy, and the numbers of the places in the queue that the
  // server has given it.
  struct Acquire {
    std::unique_ptr<AsyncLock> lock;
    std::future<absl::StatusOr<Lease>> lease;
    std::shared_ptr<std::set<std::uint64_t>> places;  // Read it once `lease` is there.
  };
  Acquire Begin(LockOptions options) {
    Acquire acquire;
    acquire.places = std::make_shared<std::set<std::uint64_t>>();
    options.on_queued = [places = acquire.places](const QueueInfo& info) {
      places->insert(info.queue_sequence);
    };
    acquire.lock = std::make_unique<AsyncLock>(*client_, "k", std::move(options));
    auto promise = std::make_shared<std::promise<absl::StatusOr<Lease>>>();
    acquire.lease = promise->get_future();
    acquire.lock->AcquireThen(
        [promise](absl::StatusOr<Lease> lease) { promise->set_value(std::move(lease)); });
    return acquire;
  }

  // Cuts, and waits until a connection has been made anew.
  void CutOnce() {
    const int before = proxy_.connections();
    proxy_.Cut();
    ASSERT_TRUE(Eventually([&] { return proxy_.connections() > before; }));
  }

  ServerProcess server_{{.flags = {"--reattach-window=1h"}}};
  StubClient observer_{server_.address()};
  SteeredProxy proxy_{server_.address()};
  std::unique_ptr<Client> client_;
};

TEST_P(BrokenWaitTest, WaiterComesBackToItsPlaceHoweverOftenItIsCutOff) {
  ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  Acquire first = Begin({.timeout = 5min, .expire = 1min});
  ASSERT_TRUE(AwaitPlace("far", 1));
  WaitCall second(observer_, {.key = "k", .lease_id = Id("second"), .owner = "near"});
  ASSERT_TRUE(second.AwaitQueued());
  for (int i = 0; i < 5; ++i) {
    ASSERT_NO_FATAL_FAILURE(CutOnce());
    ASSERT_TRUE(AwaitPlace("far", 1));
  }
  EXPECT_EQ(Look().queue_length(), 2U);

  ASSERT_TRUE(observer_.Release("k", Id("holder")).ok());
  const auto lease = first.lease.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_FALSE(second.granted());
  // One place, so it was one lease_id.
  EXPECT_EQ(first.places->size(), 1U);
}

TEST_P(BrokenWaitTest, WaiterThatIsAwayWhenItsTurnComesKeepsItsPlaceAndIsNext) {
  ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  Acquire first = Begin({.timeout = 5min, .expire = 1min});
  ASSERT_TRUE(AwaitPlace("far", 1));
  WaitCall second(observer_, {.key = "k", .lease_id = Id("second"), .owner = "near"});
  ASSERT_TRUE(second.AwaitQueued());
  proxy_.Refuse();
  proxy_.Cut();
  ASSERT_TRUE(Eventually([&] { return Look().waiters(0).parked(); }));
  ASSERT_TRUE(observer_.Release("k", Id("holder")).ok());
  ASSERT_TRUE(second.AwaitGranted());

  WaitCall third(observer_, {.key = "k", .lease_id = Id("third"), .owner = "near"});
  ASSERT_TRUE(third.AwaitQueued());
  proxy_.Admit();
  ASSERT_TRUE(AwaitPlace("far", 1));
  ASSERT_TRUE(observer_.Release("k", Id("second")).ok());
  const auto lease = first.lease.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_GT(lease->fencing_token(), second.lease().fencing_token());
  EXPECT_FALSE(third.granted());
  EXPECT_EQ(first.places->size(), 1U);
}

TEST_P(BrokenWaitTest, TimeoutPassesWithoutAConnectionAndNothingIsLeft) {
  ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  Acquire first = Begin({.timeout = 1s, .expire = 1min});
  ASSERT_TRUE(AwaitPlace("far", 1));
  proxy_.Refuse();
  proxy_.Cut();
  const absl::Status status = first.lease.get().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  proxy_.Admit();
  EXPECT_TRUE(Eventually([&] { return Look().queue_length() == 0; }));
}

TEST_P(BrokenWaitTest, TimeoutPassesInSilenceAndNothingIsLeft) {
  ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  Acquire first = Begin({.timeout = 1s, .expire = 1min});
  ASSERT_TRUE(AwaitPlace("far", 1));
  proxy_.Hold(SteeredProxy::kToClient);
  // It was queued when it last heard something.
  const absl::Status status = first.lease.get().status();
  EXPECT_EQ(ReasonOf(status), ErrorReason::kWaitTimeout) << status;
  EXPECT_TRUE(Eventually([&] { return Look().queue_length() == 0; }));
  proxy_.Pass(SteeredProxy::kToClient);
}

TEST_P(BrokenWaitTest, GrantThatWasLostOnItsWayIsReceivedAfterAll) {
  ASSERT_TRUE(client_->Get("k").ok());
  ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  Acquire first = Begin({.timeout = 5min, .expire = 1min});
  ASSERT_TRUE(AwaitPlace("far", 1));
  proxy_.Hold(SteeredProxy::kToClient);
  ASSERT_TRUE(observer_.Release("k", Id("holder")).ok());
  ASSERT_TRUE(Eventually([&] {
    const v1::Lock lock = Look();
    return lock.holders_size() == 1 && lock.holders(0).owner() == "far";
  }));
  const std::uint64_t granted = Look().holders(0).fencing_token();
  proxy_.Cut();
  proxy_.Pass(SteeredProxy::kToClient);
  const auto lease = first.lease.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->fencing_token(), granted);
  EXPECT_TRUE(lease->valid());
}

INSTANTIATE_TEST_SUITE_P(Transports, BrokenWaitTest, testing::Bool(), [](const auto& session) {
  return session.param ? "OverASession" : "OverCalls";
});

}  // namespace
}  // namespace holdfast
