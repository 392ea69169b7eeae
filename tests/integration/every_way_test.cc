// One lock, taken in every way that there is: by SyncLock, by AsyncLock in a coroutine
// and by callback, and by the command line. They wait in one queue, and are granted in
// its order.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/integration/cli_program.h"
#include "tests/support/coroutines.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

using std::chrono::minutes;

class EveryWayTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address());
  }

  // Each way queues for the lock and, once it holds it, writes its name and its token
  // to the journal and gives the lock back.

  void QueueBlocking(const std::string& name) {
    blocked_.emplace_back([this, name] {
      SyncLock lock(*client_, "k", {.expire = minutes(1), .owner = name});
      const auto lease = lock.AcquireScoped();
      ASSERT_TRUE(lease.ok()) << lease.status();
      Write(name, (*lease)->fencing_token());
    });
  }

  void QueueCoroutine(const std::string& name) {
    [](EveryWayTest& test, std::string who) -> Detached {
      AsyncLock lock(*test.client_, "k", {.expire = minutes(1), .owner = who});
      const auto lease = co_await lock.AcquireScoped();
      EXPECT_TRUE(lease.ok()) << lease.status();
      if (lease.ok()) test.Write(who, (*lease)->fencing_token());
    }(*this, name);
  }

  void QueueCallback(const std::string& name) {
    locks_.push_back(std::make_unique<AsyncLock>(*client_, "k",
                                                 LockOptions{.expire = minutes(1), .owner = name}));
    AsyncLock& lock = *locks_.back();
    lock.AcquireThen([this, name, &lock](const absl::StatusOr<Lease>& lease) {
      ASSERT_TRUE(lease.ok()) << lease.status();
      Write(name, lease->fencing_token());
      lock.ReleaseThen([](const absl::Status& status) { EXPECT_EQ(status, absl::OkStatus()); });
    });
  }

  void QueueCommand(const std::string& name) {
    commands_.push_back(std::make_unique<CliProgram>(
        std::vector<std::string>{"run", "k", "--owner", name, "--", "sh", "-c",
                                 "echo " + name + " $HOLDFAST_TOKEN >> " + journal_},
        server_));
  }

  void Write(const std::string& name, std::uint64_t token) {
    std::ofstream(journal_, std::ios::app) << name << ' ' << token << '\n';
  }

  // Waits until those with these names, and nobody else, wait in this order.
  void AwaitQueue(const std::vector<std::string>& names) {
    std::vector<std::string> queue;
    ASSERT_TRUE(Eventually([&] {
      queue.clear();
      const v1::Lock lock = observer_.Get("k").response;
      for (const v1::Waiter& waiter : lock.waiters()) queue.push_back(waiter.owner());
      return queue == names;
    })) << testing::PrintToString(queue);
  }

  void AwaitAll() {
    for (std::thread& thread : blocked_) thread.join();
    for (const auto& command : commands_) EXPECT_EQ(command->Finish().status.code, 0);
    ASSERT_TRUE(Eventually([&] {
      const v1::Lock lock = observer_.Get("k").response;
      return lock.holders().empty() && lock.queue_length() == 0;
    }));
  }

  ServerProcess server_;
  StubClient observer_{server_.address()};
  const TempDir folder_;
  // Opened anew for each line, so that threads and processes write it in the order in
  // which they hold the lock. Nothing else guards it.
  const std::string journal_ = folder_.path() + "/journal";

  std::unique_ptr<Client> client_;
  std::vector<std::thread> blocked_;
  std::vector<std::unique_ptr<AsyncLock>> locks_;
  std::vector<std::unique_ptr<CliProgram>> commands_;
};

TEST_F(EveryWayTest, AllAreGrantedInTheOrderInWhichTheyQueuedWithRisingTokens) {
  const std::vector<std::pair<std::string, std::function<void(const std::string&)>>> ways = {
      {"command", [this](const std::string& name) { QueueCommand(name); }},
      {"blocking", [this](const std::string& name) { QueueBlocking(name); }},
      {"coroutine", [this](const std::string& name) { QueueCoroutine(name); }},
      {"callback", [this](const std::string& name) { QueueCallback(name); }},
  };
  SyncLock holder(*client_, "k", {.expire = minutes(1)});
  const auto held = holder.Acquire();
  ASSERT_TRUE(held.ok()) << held.status();

  // Round after round the next way is the first, so that each follows each.
  std::vector<std::string> queue;
  for (std::size_t i = 0; i < 2 * ways.size(); ++i) {
    const auto& [way, queue_up] = ways[(i + i / ways.size()) % ways.size()];
    queue.push_back(way + std::to_string(i));
    queue_up(queue.back());
    ASSERT_NO_FATAL_FAILURE(AwaitQueue(queue));
  }
  EXPECT_EQ(holder.Release(), absl::OkStatus());
  AwaitAll();

  std::vector<std::string> order;
  std::vector<std::uint64_t> tokens = {held->fencing_token()};
  std::ifstream journal(journal_);
  std::uint64_t token = 0;
  for (std::string name; journal >> name >> token;) {
    order.push_back(name);
    tokens.push_back(token);
  }
  EXPECT_EQ(order, queue);
  EXPECT_THAT(tokens, testing::WhenSorted(testing::ElementsAreArray(tokens)));
  EXPECT_EQ(std::adjacent_find(tokens.begin(), tokens.end()), tokens.end());
}

}  // namespace
}  // namespace holdfast
