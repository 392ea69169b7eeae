// kill -9 of the server again and again, under load: nothing that was
// acknowledged is taken back, and tokens only rise.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

constexpr int kCrashes = 10;

// The largest token that anybody has been told.
class HighestToken {
 public:
  std::uint64_t Get() const { return highest_; }
  void Raise(std::uint64_t token) {
    std::uint64_t seen = highest_;
    while (seen < token && !highest_.compare_exchange_weak(seen, token)) {
    }
  }

 private:
  std::atomic<std::uint64_t> highest_{0};
};

// A lock, and how many believe that they hold it.
struct Contested {
  std::string key;
  std::atomic<int> holders{0};
};

// Takes and frees one lock over and over, and checks every answer. Calls that
// the crash has cut off are sent again with the same lease_id. Others may want
// the same lock.
class Worker {
 public:
  Worker(const std::string& address, std::string name, Contested& lock, HighestToken& highest)
      : client_(address), name_(std::move(name)), lock_(lock), highest_(highest) {}

  void Run(const std::atomic<bool>& stop) {
    for (int turn = 0; !stop && !testing::Test::HasFailure(); ++turn) {
      TakeAndFree(Id(name_, turn));
      ++turns_;
    }
  }

  int turns() const { return turns_; }

 private:
  void TakeAndFree(const std::string& lease_id) {
    const std::uint64_t highest_before = highest_.Get();
    const std::uint64_t token = AcquireUntilGranted(lease_id);
    EXPECT_GT(token, highest_before) << "a token of the past was granted";
    highest_.Raise(token);
    EXPECT_EQ(lock_.holders.fetch_add(1), 0) << "two hold the lock";
    EXPECT_EQ(AcquireUntilGranted(lease_id), token) << "an acknowledged grant was lost";
    lock_.holders.fetch_sub(1);
    ReleaseUntilDone(lease_id);
    EXPECT_EQ(AcquireUntilGranted(lease_id), kEnded) << "an acknowledged release was lost";
  }

  static constexpr std::uint64_t kEnded = 0;

  // Returns the token, or kEnded if the lease_id has been used up.
  std::uint64_t AcquireUntilGranted(const std::string& lease_id) {
    for (;;) {
      const auto answer =
          client_.Acquire({.key = lock_.key, .lease_id = lease_id, .timeout = kWaitLimit / 2});
      if (answer.ok()) return answer.response.fencing_token();
      if (answer.status.reason == "LEASE_ENDED") return kEnded;
      if (answer.status.code != grpc::StatusCode::UNAVAILABLE) {
        ADD_FAILURE() << name_ << ": Acquire: " << answer.status;
        return kEnded;
      }
    }
  }

  void ReleaseUntilDone(const std::string& lease_id) {
    CallStatus status = client_.Release(lock_.key, lease_id);
    while (status.code == grpc::StatusCode::UNAVAILABLE) {
      status = client_.Release(lock_.key, lease_id);
    }
    EXPECT_TRUE(status.ok()) << name_ << ": Release: " << status;
  }

  StubClient client_;
  const std::string name_;
  Contested& lock_;
  HighestToken& highest_;
  int turns_ = 0;
};

TEST(CrashLoopTest, NothingAcknowledgedIsLostAndTokensRise) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> load_ms(20, 200);

  HighestToken highest;
  Contested locks[] = {{.key = "own-1"}, {.key = "own-2"}, {.key = "shared"}};
  std::vector<std::unique_ptr<Worker>> workers;
  for (const auto& [name, lock] : {std::pair("alone-1", &locks[0]), std::pair("alone-2", &locks[1]),
                                   std::pair("rival-1", &locks[2]), std::pair("rival-2", &locks[2]),
                                   std::pair("rival-3", &locks[2])}) {
    workers.push_back(std::make_unique<Worker>(server.address(), name, *lock, highest));
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&stop, &worker = *worker] { worker.Run(stop); });
  }

  for (int crash = 0; crash < kCrashes && !HasFailure(); ++crash) {
    LetPass(std::chrono::milliseconds(load_ms(random)));
    server.Kill9();
    const absl::Status restarted = server.Start();
    EXPECT_EQ(restarted, absl::OkStatus());
    if (!restarted.ok()) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const auto& worker : workers) EXPECT_GT(worker->turns(), 0);

  StubClient client(server.address());
  const auto left = client.ListAll();
  EXPECT_TRUE(left.ok()) << left.status;
  EXPECT_TRUE(left.response.empty());
}

}  // namespace
}  // namespace holdfast
