// SIGSTOP of a holder past its deadline, with what its lock guards: whatever it does
// when it goes on, it harms nobody.

#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/chaos/guarded_registers.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"

namespace holdfast::chaos {
namespace {

using namespace std::chrono_literals;

class StoppedHolderTest : public testing::Test {
 protected:
  // A holder that is stopped, and a successor who was granted the lock meanwhile.
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    holder_ = *ChildProcess::Start({.argv = {Runfile("tests/chaos/fenced_holder"),
                                             server_.address(), registers_.path(), "k", "1500"},
                                    .talk = true});
    ASSERT_EQ(ReadLine(), "held");
    holder_->WriteLine("write");
    ASSERT_EQ(ReadLine(), "written");
    holder_->Signal(SIGSTOP);
    client_ = *Client::Create(server_.address());
    lock_ = std::make_unique<SyncLock>(*client_, "k", LockOptions{.expire = 30s});
    const absl::StatusOr<Lease> lease = lock_->Acquire();
    ASSERT_TRUE(lease.ok()) << lease.status();
    token_ = lease->fencing_token();
  }

  std::string ReadLine() { return holder_->ReadLine(kWaitLimit).value_or("nothing"); }

  void WakeUp() {
    holder_->Signal(SIGCONT);
    // Whatever it is told to do, the loss is signalled by itself.
    EXPECT_EQ(ReadLine(), "lost");
  }

  ServerProcess server_;
  GuardedRegisters registers_{{}};
  std::unique_ptr<ChildProcess> holder_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<SyncLock> lock_;
  std::uint64_t token_ = 0;
};

TEST_F(StoppedHolderTest, HearsOfItsLossAndItsLateWriteAndReleaseAreRefused) {
  RegisterClient registers(registers_.path(), 2);
  ASSERT_TRUE(registers.Write("k", token_, "successor"));
  WakeUp();
  holder_->WriteLine("write");
  EXPECT_EQ(ReadLine(), "refused");
  EXPECT_EQ(registers_.Get("k").text, "successor");
  holder_->WriteLine("release");
  EXPECT_EQ(ReadLine(), "release LEASE_EXPIRED");
  EXPECT_TRUE(*lock_->Locked());
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
}

// The successor has read, and has not written yet.
TEST_F(StoppedHolderTest, LateWriteIsRefusedOnceTheSuccessorHasRead) {
  RegisterClient registers(registers_.path(), 2);
  ASSERT_EQ(registers.Read("k", token_), "holder");
  WakeUp();
  holder_->WriteLine("write");
  EXPECT_EQ(ReadLine(), "refused");
  EXPECT_TRUE(registers.Write("k", token_, "successor"));
  EXPECT_EQ(lock_->Release(), absl::OkStatus());
}

}  // namespace
}  // namespace holdfast::chaos
