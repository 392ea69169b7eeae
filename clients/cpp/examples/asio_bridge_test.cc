#include "clients/cpp/examples/asio_bridge.h"

#include <asio.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

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
      EXPECT_EQ(co_await Release(lock, *lease), absl::OkStatus());
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
        EXPECT_TRUE((co_await Acquire(holder)).ok());
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

}  // namespace
}  // namespace holdfast
