// A waiter cancels around the very moment in which the lock is granted to it.
// The lock is never lost: the next in line has it.
//
// A grant and a cancel can cross each other on the wire. The server then believes
// that the grant has arrived, and the client never sees it. So a client that has
// cancelled says Release, which is all that the API asks of it; for one that does
// not even do that, there is the lease's expiry.

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class CancelMeetsGrantTest : public testing::Test {
 protected:
  void StartWith(const std::string& flag) {
    server_ = std::make_unique<ServerProcess>(ServerOptions{.flags = {flag}});
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    for (auto* client : {&holder_, &canceller_, &next_}) {
      *client = std::make_unique<StubClient>(server_->address());
      ASSERT_TRUE((*client)->Get("k").ok());
    }
    files_before_ = OpenFiles(server_->pid());
  }

  // The holder releases while the first in line cancels, either one before the
  // other. Then `clean_up` is called with the canceller's lease_id. Returns
  // whether the canceller saw its grant.
  bool Round(int round, std::optional<std::chrono::nanoseconds> expire,
             const std::function<void(const std::string& lease_id)>& clean_up) {
    const std::string first_id = Id("first", round);
    EXPECT_TRUE(holder_->Acquire({.key = "k", .lease_id = Id("holder", round)}).ok());
    WaitCall first(*canceller_, {.key = "k", .lease_id = first_id, .expire = expire});
    EXPECT_TRUE(first.AwaitQueued());
    WaitCall second(*next_, {.key = "k", .lease_id = Id("second", round)});
    EXPECT_TRUE(second.AwaitQueued());

    const microseconds cancel_after(delay_us_(random_));
    const microseconds release_after(delay_us_(random_));
    std::thread cancelling([&] {
      LetPass(cancel_after);
      first.Cancel();
    });
    LetPass(release_after);
    EXPECT_TRUE(holder_->Release("k", Id("holder", round)).ok());
    cancelling.join();
    first.AwaitEnd();
    clean_up(first_id);
    EXPECT_TRUE(second.AwaitGranted()) << "round " << round << ", seed " << seed_;
    EXPECT_TRUE(next_->Release("k", Id("second", round)).ok());
    return first.granted();
  }

  void ExpectNothingIsLeft() {
    EXPECT_TRUE(Eventually([&] {
      const auto left = holder_->ListAll();
      return left.ok() && left.response.empty();
    }));
    EXPECT_TRUE(Eventually([&] { return OpenFiles(server_->pid()) <= files_before_; }))
        << OpenFiles(server_->pid()) << " files are open, before: " << files_before_;
  }

  const unsigned seed_ = std::random_device()();
  std::mt19937 random_{seed_};
  std::uniform_int_distribution<int> delay_us_{0, 600};
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<StubClient> holder_;
  std::unique_ptr<StubClient> canceller_;
  std::unique_ptr<StubClient> next_;
  int files_before_ = 0;
};

TEST_F(CancelMeetsGrantTest, NextGetsTheLockAfterTheCancellersRelease) {
  // So long that nothing but the release can free the lock.
  ASSERT_NO_FATAL_FAILURE(StartWith("--reattach-window=1h"));
  constexpr int kRounds = 300;
  int seen = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    seen += Round(round, std::nullopt, [&](const std::string& lease_id) {
      EXPECT_TRUE(canceller_->Release("k", lease_id).ok());
    });
  }
  std::cout << kRounds << " rounds; the canceller saw its grant in " << seen << '\n';
  ExpectNothingIsLeft();
}

TEST_F(CancelMeetsGrantTest, NextGetsTheLockByItselfWithinWindowAndExpire) {
  ASSERT_NO_FATAL_FAILURE(StartWith("--reattach-window=50ms"));
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    Round(round, milliseconds(200), [](const std::string& /*lease_id*/) {});
  }
  ExpectNothingIsLeft();
}

}  // namespace
}  // namespace holdfast
