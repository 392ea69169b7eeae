// Ten thousand waiters on one lock, over a hundred connections: each is granted in its
// turn, nothing is left of them, and a server that stops tells them all.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/call_status.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

constexpr int kConnections = 100;
constexpr int kWaiters = 10'000;

// How many of them are granted one after the other; the others then leave.
constexpr int kHandOvers = 4'000;

// The server tells a waiter of its place at most once in this time.
constexpr std::chrono::seconds kReportInterval(1);

class ManyWaitersTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    admin_ = std::make_unique<StubClient>(server_.address());
    ASSERT_TRUE(admin_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
    files_before_ = OpenFiles(server_.pid());
  }

  // Opens all streams and sorts them by their places in the queue.
  void QueueUp() {
    for (int i = 0; i < kConnections; ++i) {
      clients_.push_back(std::make_unique<StubClient>(server_.address()));
    }
    for (int i = 0; i < kWaiters; ++i) {
      const AcquireArgs ask{.key = "k", .lease_id = Id("waiter", i)};
      waiters_.push_back(
          {ask.lease_id, std::make_unique<WaitCall>(*clients_[i % kConnections], ask)});
    }
    for (const Waiter& waiter : waiters_) ASSERT_TRUE(waiter.call->AwaitQueued());
    std::sort(waiters_.begin(), waiters_.end(), [](const Waiter& a, const Waiter& b) {
      return a.call->last_queued().queue_sequence() < b.call->last_queued().queue_sequence();
    });
  }

  long QueuedMessages() const {
    long messages = 0;
    for (const Waiter& waiter : waiters_) messages += waiter.call->queued_messages();
    return messages;
  }

  struct Waiter {
    std::string lease_id;
    std::unique_ptr<WaitCall> call;
  };

  // For speed; what a crash would take does not matter here.
  ServerProcess server_{{.flags = {"--durability=process", "--reattach-window=100ms"}}};
  std::unique_ptr<StubClient> admin_;
  int files_before_ = 0;
  std::vector<std::unique_ptr<StubClient>> clients_;
  std::vector<Waiter> waiters_;
};

TEST_F(ManyWaitersTest, EachReleaseWakesExactlyOneInOrderAndNothingLeaks) {
  ASSERT_NO_FATAL_FAILURE(QueueUp());
  EXPECT_EQ(admin_->Get("k").response.queue_length(), static_cast<unsigned>(kWaiters));

  const long messages_before = QueuedMessages();
  const Stopwatch watch;
  std::string holder = Id("holder");
  std::uint64_t last_token = 0;
  for (int turn = 0; turn < kHandOvers; ++turn) {
    ASSERT_TRUE(admin_->Release("k", holder).ok());
    ASSERT_TRUE(waiters_[turn].call->AwaitGranted()) << "turn " << turn;
    ASSERT_FALSE(waiters_[turn + 1].call->granted()) << "turn " << turn;
    ASSERT_GT(waiters_[turn].call->lease().fencing_token(), last_token);
    last_token = waiters_[turn].call->lease().fencing_token();
    holder = waiters_[turn].lease_id;
  }
  const long messages = QueuedMessages() - messages_before;
  const long reports_each = watch.Elapsed() / kReportInterval + 1;
  EXPECT_LE(messages, reports_each * kWaiters);
  std::cout << kHandOvers << " hand-overs in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(watch.Elapsed()).count()
            << " ms, " << messages << " queue messages\n";
  const auto granted = std::count_if(waiters_.begin(), waiters_.end(),
                                     [](const Waiter& waiter) { return waiter.call->granted(); });
  EXPECT_EQ(granted, kHandOvers);

  // Everybody else leaves.
  for (const Waiter& waiter : waiters_) waiter.call->Cancel();
  waiters_.clear();
  clients_.clear();
  ASSERT_TRUE(admin_->Release("k", holder).ok());
  EXPECT_TRUE(Eventually([&] {
    const auto left = admin_->ListAll();
    return left.ok() && left.response.empty();
  }));
  EXPECT_TRUE(Eventually([&] { return OpenFiles(server_.pid()) <= files_before_; }))
      << OpenFiles(server_.pid()) << " files are open, before: " << files_before_;
}

TEST_F(ManyWaitersTest, AllAreToldWhenTheServerStops) {
  ASSERT_NO_FATAL_FAILURE(QueueUp());
  EXPECT_EQ(server_.Terminate(std::chrono::seconds(10)), ExitStatus{.code = 0}) << server_.Log();
  for (const Waiter& waiter : waiters_) {
    const CallStatus status = waiter.call->AwaitEnd();
    ASSERT_EQ(status.reason, "SERVER_STOPPING") << status;
  }
}

}  // namespace
}  // namespace holdfast
