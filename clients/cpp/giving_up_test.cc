// An acquire is given up, in each way that there is, at each point that it can have got
// to. Whoever is next has the lock, and nothing is left on the server.
//
// The server would clean up by itself: after its window for those who come back, and
// when the lease of a grant that nobody knows of has expired. Here the window is an hour,
// and leases do not expire. So it is the client that cleans up, or the test fails.

#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/support/coroutines.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/steered_proxy.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

enum class Way {
  kSyncStopToken,
  kSyncTimeout,
  kCallbackStopToken,
  kCallbackLockDestroyed,
  kCoroutineStopToken,
  kCoroutineDestroyed,
  kClientDestroyed,
};

enum class Point {
  kOnItsWay,  // Sent, and not received.
  kQueued,
  kUndelivered,  // Granted, and the grant is on its way back.
};

using Result = absl::StatusOr<Lease>;

// An acquire by its own client, and how its caller gives it up. Thread-compatible.
class Attempt {
 public:
  Attempt(Way way, const std::string& address, bool session)
      : way_(way), client_(*Client::Create(address, {.owner = "loser", .session = session})) {
    const Duration timeout = way == Way::kSyncTimeout ? Duration(1s) : kForever;
    sync_ = std::make_unique<SyncLock>(*client_, "k", LockOptions{.timeout = timeout});
    async_ = std::make_unique<AsyncLock>(*client_, "k");
  }

  // REQUIRES: the client has not been destroyed.
  Client& client() { return *client_; }

  void Begin() {
    switch (way_) {
      case Way::kSyncStopToken:
      case Way::kSyncTimeout:
        result_ =
            std::async(std::launch::async, [this] { return sync_->Acquire(stop_.get_token()); });
        break;
      case Way::kCallbackStopToken:
      case Way::kCallbackLockDestroyed:
      case Way::kClientDestroyed:
        async_->AcquireThen([this](Result lease) { told_.set_value(std::move(lease)); },
                            stop_.get_token());
        result_ = told_.get_future();
        break;
      case Way::kCoroutineStopToken:
        [](Attempt& self) -> Detached {
          Result lease = co_await self.async_->Acquire(self.stop_.get_token());
          self.told_.set_value(std::move(lease));
        }(*this);
        result_ = told_.get_future();
        break;
      case Way::kCoroutineDestroyed:
        coroutine_.emplace([](Attempt& self) -> Owned {
          const Result lease = co_await self.async_->Acquire();
          ADD_FAILURE() << "it was destroyed";
        }(*this));
        break;
    }
  }

  void Stop() { stop_.request_stop(); }

  // Returns when the caller is free of it.
  void GiveUp() {
    switch (way_) {
      case Way::kSyncStopToken:
      case Way::kCallbackStopToken:
      case Way::kCoroutineStopToken:
        stop_.request_stop();
        EXPECT_TRUE(absl::IsCancelled(result_.get().status()));
        break;
      case Way::kSyncTimeout:
        EXPECT_FALSE(result_.get().ok());
        break;
      case Way::kCallbackLockDestroyed:
        async_ = nullptr;
        EXPECT_TRUE(absl::IsCancelled(result_.get().status()));
        break;
      case Way::kCoroutineDestroyed:
        coroutine_.reset();  // It is told nothing any more.
        break;
      case Way::kClientDestroyed:
        client_ = nullptr;
        EXPECT_TRUE(absl::IsCancelled(result_.get().status()));
        break;
    }
  }

 private:
  const Way way_;
  std::stop_source stop_;
  std::promise<Result> told_;
  std::future<Result> result_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<SyncLock> sync_;
  std::unique_ptr<AsyncLock> async_;
  std::optional<Owned> coroutine_;
};

// Over a session, or over calls.
class GivingUpTest : public testing::TestWithParam<std::tuple<Way, Point, bool>> {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    attempt_ = std::make_unique<Attempt>(std::get<Way>(GetParam()), proxy_.address(),
                                         std::get<bool>(GetParam()));
    // Both of the client's connections are there before the network begins to fail.
    ASSERT_TRUE(attempt_->client().Get("other").ok());
    AcquireAnother();
    ASSERT_TRUE(observer_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  }

  // What comes over the same connections after the acquire, and is no part of it.
  void AcquireAnother() {
    SyncLock other(attempt_->client(), "other");
    ASSERT_TRUE(other.Acquire().ok());
    ASSERT_EQ(other.Release(), absl::OkStatus());
  }

  v1::Lock Look() { return observer_.Get("k").response; }

  bool AwaitQueue(std::uint32_t length) {
    return Eventually([&] { return Look().queue_length() == length; });
  }

  ServerProcess server_{{.flags = {"--reattach-window=1h"}}};
  StubClient observer_{server_.address()};
  SteeredProxy proxy_{server_.address()};
  std::unique_ptr<Attempt> attempt_;
};

TEST_P(GivingUpTest, NextInLineHasTheLockAndNothingIsLeft) {
  const Point point = std::get<Point>(GetParam());
  if (point == Point::kOnItsWay) proxy_.Hold(SteeredProxy::kToServer);
  attempt_->Begin();
  if (point == Point::kOnItsWay) {
    ASSERT_TRUE(Eventually([&] { return proxy_.bytes_held(SteeredProxy::kToServer) > 0; }));
  } else {
    ASSERT_TRUE(AwaitQueue(1));
  }
  WaitCall next(observer_, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  if (point == Point::kUndelivered) {
    proxy_.Hold(SteeredProxy::kToClient);
    ASSERT_TRUE(observer_.Release("k", Id("holder")).ok());
    ASSERT_TRUE(Eventually([&] {
      const v1::Lock lock = Look();
      return lock.holders_size() == 1 && lock.holders(0).owner() == "loser";
    }));
  }

  attempt_->GiveUp();
  if (point == Point::kOnItsWay) {
    // Only now does the server hear of it, and it hears of its end as well.
    proxy_.Pass(SteeredProxy::kToServer);
    AcquireAnother();
  }
  ASSERT_TRUE(AwaitQueue(point == Point::kUndelivered ? 0 : 1));
  if (point != Point::kUndelivered) {
    ASSERT_TRUE(observer_.Release("k", Id("holder")).ok());
  }
  ASSERT_TRUE(next.AwaitGranted());
  ASSERT_TRUE(observer_.Release("k", Id("next")).ok());
  proxy_.Pass(SteeredProxy::kToClient);
  EXPECT_TRUE(Eventually([&] { return observer_.ListAll().response.empty(); }));
}

std::string NameOf(const testing::TestParamInfo<GivingUpTest::ParamType>& info) {
  const std::map<Way, std::string> ways = {
      {Way::kSyncStopToken, "SyncStopToken"},
      {Way::kSyncTimeout, "SyncTimeout"},
      {Way::kCallbackStopToken, "CallbackStopToken"},
      {Way::kCallbackLockDestroyed, "CallbackLockDestroyed"},
      {Way::kCoroutineStopToken, "CoroutineStopToken"},
      {Way::kCoroutineDestroyed, "CoroutineDestroyed"},
      {Way::kClientDestroyed, "ClientDestroyed"},
  };
  const std::map<Point, std::string> points = {
      {Point::kOnItsWay, "OnItsWay"},
      {Point::kQueued, "Queued"},
      {Point::kUndelivered, "Undelivered"},
  };
  return ways.at(std::get<Way>(info.param)) + points.at(std::get<Point>(info.param)) +
         (std::get<bool>(info.param) ? "OverASession" : "OverCalls");
}

INSTANTIATE_TEST_SUITE_P(
    EveryWayAtEveryPoint, GivingUpTest,
    testing::Combine(testing::Values(Way::kSyncStopToken, Way::kSyncTimeout,
                                     Way::kCallbackStopToken, Way::kCallbackLockDestroyed,
                                     Way::kCoroutineStopToken, Way::kCoroutineDestroyed),
                     testing::Values(Point::kOnItsWay, Point::kQueued, Point::kUndelivered),
                     testing::Bool()),
    NameOf);

// A client that is destroyed while the server cannot be reached has nothing left to tell
// it with. That is what the server's window is for.
INSTANTIATE_TEST_SUITE_P(EndOfTheClient, GivingUpTest,
                         testing::Combine(testing::Values(Way::kClientDestroyed),
                                          testing::Values(Point::kQueued, Point::kUndelivered),
                                          testing::Bool()),
                         NameOf);

// --- Before it is sent --------------------------------------------------------------------

class GivenUpBeforeTest : public testing::TestWithParam<Way> {};

TEST_P(GivenUpBeforeTest, NothingIsSent) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  SteeredProxy proxy(server.address());
  Attempt attempt(GetParam(), proxy.address(), /*session=*/true);
  attempt.Stop();
  attempt.Begin();
  attempt.GiveUp();
  EXPECT_EQ(proxy.connections(), 0);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, GivenUpBeforeTest,
                         testing::Values(Way::kSyncStopToken, Way::kCallbackStopToken,
                                         Way::kCoroutineStopToken));

}  // namespace
}  // namespace holdfast
