// SIGSTOP of the server: time in which it could not listen is not held against
// its clients.

#include <signal.h>

#include <chrono>
#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

// Long enough for a busy machine to stop the server within it.
constexpr std::chrono::milliseconds kExpire(2000);

class StoppedServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_.address());
    other_ = std::make_unique<StubClient>(server_.address());
    ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder"), .expire = kExpire}).ok());
    next_ = std::make_unique<WaitCall>(*other_, AcquireArgs{.key = "k", .lease_id = Id("next")});
    ASSERT_TRUE(next_->AwaitQueued());
    server_.Signal(SIGSTOP);
    ASSERT_TRUE(Eventually([&] { return IsStopped(server_.pid()); }));
  }

  ServerProcess server_;
  std::unique_ptr<StubClient> client_;
  std::unique_ptr<StubClient> other_;
  std::unique_ptr<WaitCall> next_;
};

TEST_F(StoppedServerTest, RenewalThatWaitsInTheSocketCounts) {
  Answer<v1::Lease> renewed;
  std::thread renewing(
      [&] { renewed = client_->Renew("k", Id("holder"), std::chrono::minutes(10)); });
  LetPass(kExpire * 5 / 4);  // The lease's end passes meanwhile.
  server_.Signal(SIGCONT);
  renewing.join();
  EXPECT_TRUE(renewed.ok()) << renewed.status;
  EXPECT_FALSE(next_->granted());
  EXPECT_EQ(other_->Get("k").response.holders_size(), 1);
}

TEST_F(StoppedServerTest, LeaseThatNobodyRenewsLapsesStill) {
  LetPass(kExpire * 5 / 4);
  server_.Signal(SIGCONT);
  EXPECT_TRUE(next_->AwaitGranted());
  EXPECT_EQ(client_->Renew("k", Id("holder")).status.reason, "LEASE_EXPIRED");
}

}  // namespace
}  // namespace holdfast
