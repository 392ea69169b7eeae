// kill -9 of the server while a hundred clients wait: nobody is lost.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

constexpr int kWaiters = 100;

AcquireArgs AskOf(int waiter) {
  return {.key = "k", .lease_id = Id("waiter", waiter), .expire = std::chrono::minutes(5)};
}

// Opens a stream for each waiter, one after the other: the queue's order is
// that of `order`.
std::vector<std::unique_ptr<WaitCall>> QueueUp(StubClient& client, const std::vector<int>& order) {
  std::vector<std::unique_ptr<WaitCall>> calls;
  for (const int waiter : order) {
    calls.push_back(std::make_unique<WaitCall>(client, AskOf(waiter)));
    EXPECT_TRUE(calls.back()->AwaitQueued()) << calls.back()->AwaitEnd();
    EXPECT_EQ(calls.back()->last_queued().position(), calls.size());
  }
  return calls;
}

TEST(ServerCrashWaitersTest, AllComeBackAndAreGrantedOnceEachInTheOrderOfTheirReturn) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  std::vector<int> order;
  for (int waiter = 0; waiter < kWaiters; ++waiter) order.push_back(waiter);
  std::uint64_t last_token = 0;
  {
    StubClient client(server.address());
    const auto held = client.Acquire({.key = "k", .lease_id = Id("holder")});
    ASSERT_TRUE(held.ok()) << held.status;
    last_token = held.response.fencing_token();
    const auto calls = QueueUp(client, order);

    server.Kill9();
    for (const auto& call : calls) {
      EXPECT_EQ(call->AwaitEnd().code, grpc::StatusCode::UNAVAILABLE);
      EXPECT_FALSE(call->granted());
    }
  }

  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  // The last come first this time: their old places are gone with the server.
  std::reverse(order.begin(), order.end());
  const auto calls = QueueUp(client, order);
  ASSERT_TRUE(client.Release("k", Id("holder")).ok());
  for (int turn = 0; turn < kWaiters; ++turn) {
    ASSERT_TRUE(calls[turn]->AwaitGranted()) << "turn " << turn << ": " << calls[turn]->AwaitEnd();
    EXPECT_GT(calls[turn]->lease().fencing_token(), last_token);
    last_token = calls[turn]->lease().fencing_token();
    if (turn + 1 < kWaiters) {
      EXPECT_FALSE(calls[turn + 1]->granted());
    }
    ASSERT_TRUE(client.Release("k", AskOf(order[turn]).lease_id).ok());
  }
  const auto left = client.ListAll();
  EXPECT_TRUE(left.ok()) << left.status;
  EXPECT_TRUE(left.response.empty());
}

}  // namespace
}  // namespace holdfast
