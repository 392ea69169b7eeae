// The power goes while the server works: on a real file system, whose journal is
// replayed afterwards. What was acknowledged is there.
//
// What the disk itself would lose of its cache is not part of this: the file behind
// the loop device keeps what the file system has handed to it.

#include <chrono>
#include <cstddef>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/faults/load.h"
#include "tests/faults/loop_disk.h"
#include "tests/support/acquire_args.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

constexpr ExitStatus kIoError{.code = ToInt(ExitCode::kIoError)};
constexpr int kClients = 3;

class PowerLossTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::Status ready = disk_.Make();
    if (ready.ok()) ready = disk_.Mount();
    if (!ready.ok()) {
      GTEST_SKIP() << "NOT TESTED: a loss of power, because this machine allows no loop mount: "
                   << ready;
    }
    mounted_ = true;
    std::cout << "seed " << seed_ << "\n";
  }

  void TearDown() override {
    server_.reset();
    if (!mounted_) return;
    EXPECT_EQ(disk_.Unmount(), absl::OkStatus());
  }

  void MakeServer(const std::string& durability) {
    server_ = std::make_unique<ServerProcess>(
        ServerOptions{.flags = {"--durability=" + durability}, .data_dir = disk_.path() + "/data"});
    ASSERT_EQ(server_->Start(), absl::OkStatus());
    // The first grant's commit is always synced, because it reserves tokens.
    ASSERT_TRUE(
        StubClient(server_->address()).Acquire({.key = "first", .lease_id = Id("first")}).ok());
  }

  // Cuts the power under load and starts again. What the clients had been told by then.
  std::unique_ptr<Load> LosePowerUnderLoad(const std::string& round) {
    auto load = std::make_unique<Load>(server_->address(), round, kClients,
                                       std::vector<std::string>{"load"});
    EXPECT_TRUE(Eventually([&load] { return load->connected() == kClients; }));
    LetPass(std::chrono::milliseconds(std::uniform_int_distribution<int>(20, 150)(random_)));
    // Unlike a power loss this one leaves the kernel running, and of a sync that is under
    // way ext4 may then report that it has succeeded, and keep nothing.
    load->IgnoreAnswers();
    EXPECT_EQ(disk_.CutPower(), absl::OkStatus());
    // In reality it would not have the time to notice.
    EXPECT_EQ(server_->WaitForExit(kWaitLimit), kIoError) << server_->Log();
    load->Stop();
    EXPECT_EQ(disk_.Unmount(), absl::OkStatus());
    EXPECT_EQ(disk_.Mount(), absl::OkStatus());
    EXPECT_EQ(server_->Start(), absl::OkStatus());
    load->Join();
    return load;
  }

  // Before anything else is asked for: what is granted next has a larger token.
  static void ExpectNewTokens(StubClient& client, const Load& load, const std::string& lease_id) {
    const auto next = client.Acquire({.key = lease_id, .lease_id = lease_id});
    ASSERT_TRUE(next.ok()) << next.status;
    for (const auto& told : load.told()) {
      EXPECT_GT(next.response.fencing_token(), told->highest_token);
    }
  }

  const unsigned seed_ = std::random_device()();
  std::mt19937 random_{seed_};
  LoopDisk disk_;
  bool mounted_ = false;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(PowerLossTest, WhatWasAcknowledgedIsThereAndTokensRise) {
  MakeServer("sync");
  std::size_t acknowledged = 0;
  for (int round = 0; round < 6 && !HasFailure(); ++round) {
    const auto load = LosePowerUnderLoad("round-" + std::to_string(round));
    if (HasFailure()) break;
    StubClient client(server_->address());
    ExpectNewTokens(client, *load, Id("next", round));
    for (const auto& told : load->told()) {
      CountLost(client, *told, false);
      acknowledged += told->calls_acknowledged();
    }
  }
  EXPECT_GT(acknowledged, 0u);
  std::cout << acknowledged << " grants and releases had been acknowledged\n";
}

// The promise of the other durability; and the proof that this loss of power is one.
TEST_F(PowerLossTest, WithoutSyncsCommitsAreLostAndTokensRiseAllTheSame) {
  MakeServer("process");
  const auto load = LosePowerUnderLoad("round");
  StubClient client(server_->address());
  std::size_t acknowledged = 0;
  std::size_t lost = 0;
  ExpectNewTokens(client, *load, Id("next"));
  for (const auto& told : load->told()) {
    lost += CountLost(client, *told, true);
    acknowledged += told->calls_acknowledged();
  }
  EXPECT_GT(lost, 0u) << "then the test above proves nothing";
  std::cout << lost << " of " << acknowledged << " grants and releases were lost\n";
}

}  // namespace
}  // namespace holdfast
