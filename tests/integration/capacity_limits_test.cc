// The server's limits on how much it takes on, at n and at n + 1: one too many
// is refused with the name of the limit, and room that is freed can be used.

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

class CapacityLimitsTest : public testing::Test {
 protected:
  void StartWith(std::vector<std::string> flags) {
    flags.push_back("--reattach-window=50ms");
    server_ = std::make_unique<ServerProcess>(ServerOptions{.flags = std::move(flags)});
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_->address());
  }

  void Hold(const std::string& key) {
    ASSERT_TRUE(client_->Acquire({.key = key, .lease_id = Id("holder-of-" + key)}).ok());
  }

  std::unique_ptr<WaitCall> Wait(const std::string& key) {
    return std::make_unique<WaitCall>(
        *client_, AcquireArgs{.key = key, .lease_id = Id("waiter", ++waiters_)});
  }

  static void ExpectOver(const CallStatus& status, const std::string& limit) {
    EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED) << status;
    EXPECT_EQ(status.reason, "LIMIT_EXCEEDED") << status;
    EXPECT_EQ(status.Get("limit"), limit) << status;
  }

  // Whether one more waiter is let in, by and by.
  bool EventuallyQueues(const std::string& key) {
    return Eventually([&] { return Wait(key)->AwaitQueued(); });
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<StubClient> client_;
  int waiters_ = 0;
};

TEST_F(CapacityLimitsTest, WaitersPerKey) {
  ASSERT_NO_FATAL_FAILURE(StartWith({"--max-waiters-per-key=2"}));
  Hold("k");
  Hold("other");
  auto first = Wait("k");
  ASSERT_TRUE(first->AwaitQueued());
  const auto second = Wait("k");
  ASSERT_TRUE(second->AwaitQueued());
  ExpectOver(Wait("k")->AwaitEnd(), "max_waiters_per_key");
  ExpectOver(
      client_->Acquire({.key = "k", .lease_id = Id("unary"), .timeout = std::chrono::minutes(1)})
          .status,
      "max_waiters_per_key");
  EXPECT_TRUE(Wait("other")->AwaitQueued());
  // Who does not wait is none too many.
  EXPECT_EQ(client_->Acquire({.key = "k", .lease_id = Id("tries")}).status.reason, "LOCK_HELD");

  first.reset();
  EXPECT_TRUE(EventuallyQueues("k"));
}

TEST_F(CapacityLimitsTest, WaitersInAll) {
  ASSERT_NO_FATAL_FAILURE(StartWith({"--max-waiters=2"}));
  Hold("a");
  Hold("b");
  Hold("c");
  auto first = Wait("a");
  ASSERT_TRUE(first->AwaitQueued());
  const auto second = Wait("b");
  ASSERT_TRUE(second->AwaitQueued());
  ExpectOver(Wait("c")->AwaitEnd(), "max_waiters");
  first.reset();
  EXPECT_TRUE(EventuallyQueues("c"));
}

TEST_F(CapacityLimitsTest, OpenWaits) {
  ASSERT_NO_FATAL_FAILURE(StartWith({"--max-open-waits=2"}));
  Hold("k");
  auto first = Wait("k");
  ASSERT_TRUE(first->AwaitQueued());
  const auto second = Wait("k");
  ASSERT_TRUE(second->AwaitQueued());
  ExpectOver(Wait("k")->AwaitEnd(), "max_open_waits");
  // Whether they stream or not,
  ExpectOver(
      client_->Acquire({.key = "k", .lease_id = Id("unary"), .timeout = std::chrono::minutes(1)})
          .status,
      "max_open_waits");
  // and a lock that is free, too, if they do: it is the stream that costs.
  ExpectOver(Wait("free")->AwaitEnd(), "max_open_waits");
  first.reset();
  EXPECT_TRUE(EventuallyQueues("k"));
}

TEST_F(CapacityLimitsTest, Leases) {
  ASSERT_NO_FATAL_FAILURE(StartWith({"--max-leases=2"}));
  Hold("a");
  Hold("b");
  const AcquireArgs third{.key = "c", .lease_id = Id("third")};
  ExpectOver(client_->Acquire(third).status, "max_leases");
  ASSERT_TRUE(client_->Release("a", Id("holder-of-a")).ok());
  // Being refused has not used up the lease_id.
  EXPECT_TRUE(client_->Acquire(third).ok());
}

TEST_F(CapacityLimitsTest, BytesOfAMessage) {
  constexpr std::size_t kMax = 4096;
  ASSERT_NO_FATAL_FAILURE(StartWith({"--max-message-bytes=" + std::to_string(kMax)}));
  v1::GetRequest request;
  request.set_key(std::string(kMax - 3, 'k'));  // Beside the field's number and length.
  ASSERT_EQ(request.ByteSizeLong(), kMax);
  EXPECT_EQ(client_->Get(request.key()).status.reason, "INVALID_FIELD");
  ExpectOver(client_->Get(request.key() + "k").status, "max_message_bytes");
  // Far beyond it, and on a stream.
  const std::string megabytes(5'000'000, 'k');
  EXPECT_EQ(client_->Get(megabytes).status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Wait(megabytes)->AwaitEnd().code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(client_->Get("k").ok()) << "others are not disturbed";
}

}  // namespace
}  // namespace holdfast
