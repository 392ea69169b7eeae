// Watch streams of a real server: one that is not read costs a bounded amount of
// memory and disturbs nobody, and all of them end with the server.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/acquire_args.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stalled_watcher.h"
#include "tests/support/stub_client.h"
#include "tests/support/watch_stream.h"

namespace holdfast {
namespace {

constexpr std::chrono::seconds kShutdownLimit(10);
constexpr ExitStatus kCleanExit{.code = ToInt(ExitCode::kOk)};
constexpr long kMiB = 1024 * 1024;
constexpr int kClients = 8;

// A lease with them makes events of about 2.5 KB, and of 3 KB in the server's memory.
std::vector<std::string> LargeTags() {
  std::vector<std::string> tags;
  for (char c = 'a'; c < 'a' + 16; ++c) tags.emplace_back(128, c);
  return tags;
}

class WatchTest : public testing::Test {
 protected:
  // Many clients take and release locks, `pairs` times in all.
  void Churn(int pairs) {
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([this, i, rounds = pairs / kClients] {
        StubClient client(server_.address());
        const std::string key = "busy/" + std::to_string(i);
        for (int round = 0; round < rounds; ++round) {
          const std::string lease_id = Id(key.substr(5) + "." + std::to_string(churned_), round);
          ASSERT_TRUE(client.Acquire({.key = key, .lease_id = lease_id, .tags = LargeTags()}).ok());
          ASSERT_TRUE(client.Release(key, lease_id).ok());
        }
      });
    }
    for (std::thread& client : clients) client.join();
    ++churned_;
  }

  // How much the server has grown meanwhile.
  long Growth(int pairs) {
    const long before = ResidentBytes(server_.pid());
    Churn(pairs);
    return ResidentBytes(server_.pid()) - before;
  }

  ServerProcess server_{{.flags = {"--durability=process", "--max-watch-backlog=1000"}}};
  int churned_ = 0;
};

TEST_F(WatchTest, WhoDoesNotReadCostsABoundedAmountOfMemory) {
  constexpr int kStalled = 10;
  constexpr int kPairs = 6'000;
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  Churn(kPairs);  // What any load costs at first.
  const long without = Growth(kPairs);

  std::vector<std::unique_ptr<StubClient>> clients;
  std::vector<std::unique_ptr<WatchStream>> stalled;
  for (int i = 0; i < kStalled; ++i) {
    clients.push_back(std::make_unique<StubClient>(server_.address()));
    stalled.push_back(std::make_unique<WatchStream>(*clients.back()));
    ASSERT_TRUE(stalled.back()->ReadSnapshot().empty());
  }
  StubClient reader(server_.address());
  WatchStream read(reader, {.key_prefix = "busy/0"});
  ASSERT_TRUE(read.ReadSnapshot().empty());
  constexpr int kEvents = 2 * kPairs / kClients;
  int told = 0;
  std::thread reading([&] {
    while (told < kEvents && read.Next().has_value()) ++told;
  });
  const long with = Growth(kPairs);
  reading.join();
  EXPECT_EQ(told, kEvents) << "who reads is not disturbed";
  // All the events, of which the watches share each, would be 36 MB. What may be behind
  // is 3 MB, and each watch has a message of at most 0.7 MB on its way.
  std::cout << "the server has grown by " << without / kMiB << " MiB, and with " << kStalled
            << " stalled watches by " << with / kMiB << " MiB\n";
  EXPECT_LT(with, without + 24 * kMiB);

  for (const auto& watch : stalled) {
    const CallStatus status = watch->End();
    ASSERT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED) << status;
    ASSERT_EQ(status.Get("limit"), "max_watch_backlog") << status;
  }
}

TEST_F(WatchTest, AServerThatStopsTellsThemAll) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  StubClient client(server_.address());
  std::vector<std::unique_ptr<WatchStream>> watches;
  for (int i = 0; i < 100; ++i) {
    watches.push_back(std::make_unique<WatchStream>(client));
    ASSERT_TRUE(watches.back()->ReadSnapshot().empty());
  }
  EXPECT_EQ(server_.Terminate(kShutdownLimit), kCleanExit) << server_.Log();
  for (const auto& watch : watches) {
    const CallStatus status = watch->End();
    EXPECT_EQ(status.code, grpc::StatusCode::UNAVAILABLE) << status;
    EXPECT_EQ(status.reason, "SERVER_STOPPING") << status;
    EXPECT_TRUE(status.has_retry_info);
  }
}

// A server that waited until what it has written was taken would wait for ever.
TEST_F(WatchTest, AFullSocketDoesNotHoldUpTheEnd) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  StubClient client(server_.address());
  ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("k"), .tags = LargeTags()}).ok());
  const StalledWatcher stalled(server_.address().substr(5));  // Behind "unix:".
  ASSERT_TRUE(Eventually([&] { return stalled.unread() > 2'000; })) << "no snapshot";
  Churn(400);
  EXPECT_EQ(server_.Terminate(kShutdownLimit), kCleanExit) << server_.Log();
  EXPECT_GT(stalled.unread(), 100'000u) << "it has not been filled";
}

// The events of a server's life are numbered; the next one begins with a snapshot.
TEST_F(WatchTest, AfterARestartTheSnapshotSaysWhatIsHeld) {
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  {
    StubClient client(server_.address());
    ASSERT_TRUE(client.Acquire({.key = "kept", .lease_id = Id("kept")}).ok());
    ASSERT_TRUE(client.Acquire({.key = "forced", .lease_id = Id("forced")}).ok());
    ASSERT_TRUE(client.ForceRelease("forced").ok());
  }
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  StubClient client(server_.address());
  WatchStream watch(client);
  const auto snapshot = watch.ReadSnapshot();
  ASSERT_EQ(snapshot.size(), 1u);
  EXPECT_EQ(snapshot[0].key(), "kept");
  EXPECT_EQ(client.Renew("forced", Id("forced")).status.reason, "LEASE_FORCED");
}

}  // namespace
}  // namespace holdfast
