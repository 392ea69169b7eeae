// Ten thousand acquires that wait in one process: how many threads, and how much
// memory.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

constexpr int kCrowd = 10'000;

// Memory of one waiter: the lock, the acquire and gRPC's call. A bound on what was
// measured, with room for another allocator.
constexpr long kBytesPerWaiter = 40'000;

// gRPC keeps a thread or two more for its timers when they are busy.
constexpr long kMoreThreads = 4;

long Threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

TEST(CrowdTest, TenThousandWaitersCostMemoryButNoThreads) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const auto client = *Client::Create(server.address());
  SyncLock holder(*client, "k", {.expire = 5min});
  ASSERT_TRUE(holder.Acquire().ok());

  // One waiter first, so that everything is there that the first one brings.
  std::atomic<int> granted{0};
  std::atomic<std::uint64_t> last_token{0};
  std::vector<std::unique_ptr<AsyncLock>> locks;
  const auto join = [&] {
    locks.push_back(
        std::make_unique<AsyncLock>(*client, "k", LockOptions{.timeout = 5min, .expire = 5min}));
    AsyncLock& lock = *locks.back();
    lock.AcquireThen([&](const absl::StatusOr<Lease>& lease) {
      ASSERT_TRUE(lease.ok()) << lease.status();
      EXPECT_GT(lease->fencing_token(), last_token);
      last_token = lease->fencing_token();
      ++granted;
      lock.ReleaseThen([](const absl::Status& status) { EXPECT_EQ(status, absl::OkStatus()); });
    });
  };
  const auto queued = [&](std::uint32_t count) {
    return Eventually([&] { return client->Get("k")->queue_length == count; });
  };
  join();
  ASSERT_TRUE(queued(1));
  const long threads = Threads();
  const long bytes = ResidentBytes(getpid());

  while (locks.size() < kCrowd) join();
  ASSERT_TRUE(queued(kCrowd));
  const long per_waiter = (ResidentBytes(getpid()) - bytes) / kCrowd;
  std::printf("threads: %ld with 1 waiter, %ld with %d; bytes per waiter: %ld\n", threads,
              Threads(), kCrowd, per_waiter);
  EXPECT_LE(Threads(), threads + kMoreThreads);
  EXPECT_LT(per_waiter, kBytesPerWaiter);

  const Stopwatch watch;
  const auto cpu = CpuTime(getpid());
  const auto server_cpu = CpuTime(server.pid());
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return granted == kCrowd; }, 120s));
  const auto seconds = std::chrono::duration<double>(watch.Elapsed()).count();
  std::printf(
      "handed through all of them in %.2f s; processor time: client %ld ms, server %ld ms\n",
      seconds, static_cast<long>((CpuTime(getpid()) - cpu).count()),
      static_cast<long>((CpuTime(server.pid()) - server_cpu).count()));
  EXPECT_TRUE(queued(0));
}

}  // namespace
}  // namespace holdfast
