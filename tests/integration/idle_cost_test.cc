// Those who wait cost nothing while nothing happens.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

constexpr int kConnections = 10;
constexpr int kWaiters = 1'000;

// CPU time, not time on the wall: a busy machine does not change it.
TEST(IdleCostTest, AThousandIdleWaitersUseLessThanOnePercentOfACore) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  std::vector<std::unique_ptr<StubClient>> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<StubClient>(server.address()));
  }
  std::vector<std::unique_ptr<WaitCall>> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    StubClient& client = *clients[i % kConnections];
    const std::string key = "key-" + std::to_string(i % 100);
    const auto held = client.Acquire({.key = key, .lease_id = Id("holder", i)});
    ASSERT_TRUE(held.ok() || held.status.reason == "LOCK_HELD") << held.status;
    waiters.push_back(
        std::make_unique<WaitCall>(client, AcquireArgs{.key = key, .lease_id = Id("waiter", i)}));
  }
  for (const auto& waiter : waiters) ASSERT_TRUE(waiter->AwaitQueued());
  // Their first reports of the queue are still being told.
  LetPass(std::chrono::seconds(2));

  constexpr std::chrono::milliseconds kMeasured(5000);
  const std::chrono::milliseconds before = CpuTime(server.pid());
  LetPass(kMeasured);
  const std::chrono::milliseconds used = CpuTime(server.pid()) - before;
  std::cout << kWaiters << " idle waiters used " << used.count() << " ms of CPU time in "
            << kMeasured.count() << " ms\n";
  EXPECT_LT(used, kMeasured / 100);
}

}  // namespace
}  // namespace holdfast
