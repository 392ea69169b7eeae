#include "clients/cpp/examples/asio_bridge.h"

#include <asio.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class AsioBridgeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address());
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
};

// One object, two event loops in two threads: the second coroutine waits until the first
// has left.
TEST_F(AsioBridgeTest, TwoEventLoopsShareOneLock) {
  AsyncLock lock(*client_, "k", {.expire = 30s});
  int inside = 0;  // Not atomic: the lock is the only guard.
  int turns = 0;
  const auto work = [&]() -> asio::awaitable<void> {
    const std::thread::id loop = std::this_thread::get_id();
    for (int i = 0; i < 50; ++i) {
      const auto lease = co_await Acquire(lock);
      EXPECT_TRUE(lease.ok()) << lease.status();
      EXPECT_EQ(std::this_thread::get_id(), loop);
      EXPECT_EQ(++inside, 1);
      ++turns;
      --inside;
      EXPECT_EQ(co_await Release(lock, **lease), absl::OkStatus());
    }
  };
  const auto run = [&] {
    asio::io_context loop;
    asio::co_spawn(loop, work, asio::detached);
    loop.run();
  };
  {
    const std::jthread first(run);
    const std::jthread second(run);
  }
  EXPECT_EQ(turns, 100);
}

TEST_F(AsioBridgeTest, CancellingTheCoroutineLeavesTheQueue) {
  AsyncLock holder(*client_, "k", {.expire = 30s});
  AsyncLock lock(*client_, "k", {.expire = 30s});
  asio::io_context loop;
  asio::cancellation_signal cancel;
  std::optional<absl::Status> status;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        const auto held = co_await Acquire(holder);
        EXPECT_TRUE(held.ok()) << held.status();
        // Throws nothing when it is cancelled: the status says so.
        co_await asio::this_coro::throw_if_cancelled(false);
        status = (co_await Acquire(lock)).status();
      },
      asio::bind_cancellation_slot(cancel.slot(), asio::detached));
  std::jthread other([&] {
    EXPECT_TRUE(Eventually([&] { return client_->Get("k")->queue_length == 1; }));
    asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
  });
  loop.run();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsCancelled(*status)) << *status;
  EXPECT_TRUE(Eventually([&] { return client_->Get("k")->queue_length == 0; }));
}

// A cancelled coroutine throws at each further `co_await`, so that none of them can
// release the lock.
TEST_F(AsioBridgeTest, CancellingTheCoroutineThatHoldsTheLockReleasesIt) {
  AsyncLock lock(*client_, "k", {.expire = 30s, .auto_renew = true});
  asio::io_context loop;
  asio::cancellation_signal cancel;
  bool held = false;
  std::exception_ptr thrown;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        const auto lease = co_await Acquire(lock);
        held = lease.ok() && !client_->Get("k")->holders.empty();
        asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
        co_await asio::steady_timer(loop, 1h).async_wait(asio::use_awaitable);
      },
      asio::bind_cancellation_slot(cancel.slot(),
                                   [&](std::exception_ptr error) { thrown = std::move(error); }));
  loop.run();
  EXPECT_TRUE(held);
  EXPECT_NE(thrown, nullptr);
  EXPECT_TRUE(Eventually([&] { return client_->Get("k")->holders.empty(); }));
}

TEST_F(AsioBridgeTest, CoroutineThatThrowsReleasesTheLock) {
  AsyncLock lock(*client_, "k", {.expire = 30s, .auto_renew = true});
  asio::io_context loop;
  bool held = false;
  std::exception_ptr thrown;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        const auto lease = co_await Acquire(lock);
        held = lease.ok() && !client_->Get("k")->holders.empty();
        throw std::runtime_error("no report today");
      },
      [&](std::exception_ptr error) { thrown = std::move(error); });
  loop.run();
  EXPECT_TRUE(held);
  EXPECT_NE(thrown, nullptr);
  EXPECT_TRUE(Eventually([&] { return client_->Get("k")->holders.empty(); }));
}

// A grant may lie in the loop's queue when the loop is stopped for good.
TEST_F(AsioBridgeTest, LockThatNoCoroutineEverLearnsOfIsReleased) {
  AsyncLock lock(*client_, "k", {.expire = 30s, .auto_renew = true});
  auto loop = std::make_unique<asio::io_context>();
  asio::co_spawn(
      *loop,
      [&]() -> asio::awaitable<void> {
        (void)co_await Acquire(lock);
        ADD_FAILURE() << "the loop has been stopped";
      },
      asio::detached);
  loop->run_one();  // The coroutine begins to wait for the lock.
  ASSERT_TRUE(Eventually([&] { return !client_->Get("k")->holders.empty(); }));
  // The callback has run, and so is the grant in the queue, once a later callback has.
  std::promise<void> called;
  lock.LockedThen([&](const absl::StatusOr<bool>&) { called.set_value(); });
  called.get_future().wait();
  loop.reset();
  EXPECT_TRUE(Eventually([&] { return client_->Get("k")->holders.empty(); }));
}

}  // namespace
}  // namespace holdfast
