// What a forked child is told. Each test forks children of its own, which leave with what
// they have found: nothing in them can be seen here.

#include "clients/cpp/transport/fork_guard.h"

#include <grpc/grpc.h>

#include <chrono>
#include <thread>
#include <utility>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/forked_child.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

// More than a test has time for if each waits for two seconds.
constexpr int kManyForks = 40;

bool MayUseGrpc() { return CheckMayUseGrpc().ok(); }

class ForkGuardTest : public testing::Test {
 protected:
  // From here on it watches over forks.
  void SetUp() override { ASSERT_EQ(CheckMayUseGrpc(), absl::OkStatus()); }
};

TEST_F(ForkGuardTest, ChildOfAProcessThatDoesNotUseGrpcMayUseIt) {
  EXPECT_TRUE(HoldsInChild(MayUseGrpc));
}

TEST_F(ForkGuardTest, ChildOfAProcessThatUsesGrpcMayNotAndItsChildrenMayNotEither) {
  grpc_init();
  EXPECT_TRUE(HoldsInChild([] {
    const absl::Status status = CheckMayUseGrpc();
    return absl::IsFailedPrecondition(status) && !status.message().empty() &&
           HoldsInChild([] { return absl::IsFailedPrecondition(CheckMayUseGrpc()); });
  }));
  // It is the child that is the worse for it.
  EXPECT_EQ(CheckMayUseGrpc(), absl::OkStatus());
  grpc_shutdown_blocking();
  EXPECT_TRUE(HoldsInChild(MayUseGrpc));
}

// Ends gRPC while a fork waits for that.
class EndingSoon {
 public:
  EndingSoon()
      : thread_([] {
          LetPass(50ms);  // As long as gRPC may take to end what it is at.
          grpc_shutdown_blocking();
        }) {}
  ~EndingSoon() { thread_.join(); }
  EndingSoon(const EndingSoon&) = delete;
  EndingSoon& operator=(const EndingSoon&) = delete;

 private:
  std::thread thread_;
};

TEST_F(ForkGuardTest, ForkAfterTheLastUseWaitsUntilGrpcHasEnded) {
  for (int round = 0; round < 2; ++round) {
    {
      const GrpcUse one;
      grpc_init();
      const GrpcUse another;
    }
    const EndingSoon ending;
    EXPECT_TRUE(HoldsInChild(MayUseGrpc));
  }
}

TEST_F(ForkGuardTest, ForkWaitsForAnEarlierUseToo) {
  {
    const GrpcUse one;
    grpc_init();
  }
  { const GrpcUse another; }
  const EndingSoon ending;
  EXPECT_TRUE(HoldsInChild(MayUseGrpc));
}

TEST_F(ForkGuardTest, ForkDoesNotWaitForLongForWhatDoesNotEnd) {
  {
    const GrpcUse use;
    grpc_init();
  }
  // The first of them waits. The test would run out of time if each did.
  for (int i = 0; i < kManyForks; ++i) {
    EXPECT_TRUE(HoldsInChild([] { return !MayUseGrpc(); }));
  }
  grpc_shutdown_blocking();
}

TEST_F(ForkGuardTest, ForkDoesNotWaitForOthersToEndTheirUse) {
  grpc_init();
  for (int i = 0; i < kManyForks; ++i) {
    {
      const GrpcUse use;
    }
    EXPECT_TRUE(HoldsInChild([] { return !MayUseGrpc(); }));
  }
  grpc_shutdown_blocking();
}

TEST_F(ForkGuardTest, ForkDoesNotWaitWhileGrpcIsInUse) {
  const GrpcUse use;
  grpc_init();
  for (int i = 0; i < kManyForks; ++i) {
    {
      const GrpcUse another;
    }
    EXPECT_TRUE(HoldsInChild([] { return !MayUseGrpc(); }));
  }
  grpc_shutdown_blocking();
}

TEST_F(ForkGuardTest, ForkDoesNotWaitWhenGrpcHasEnded) {
  for (int i = 0; i < kManyForks; ++i) {
    {
      const GrpcUse use;
    }
    EXPECT_TRUE(HoldsInChild(MayUseGrpc));
  }
}

TEST_F(ForkGuardTest, TransportThatHasGivenUpItsConnectionsUsesGrpcNoMore) {
  for (int i = 0; i < 10; ++i) {
    const auto transport = *GrpcTransport::Create("unix:/tmp/no-such-holdfast.sock");
    EXPECT_TRUE(HoldsInChild([] { return !MayUseGrpc(); }));
    Handover<bool> released;
    transport->Release("k", "id", 10s, [&](const auto&) { released.Set(true); });
    Handover<bool> waited;
    LockTransport::WaitEvents events;
    events.on_end = [&](const auto&) { waited.Set(true); };
    transport->Wait({.key = "k"}, std::move(events));
    released.Wait();
    waited.Wait();
    transport->Shutdown();
    transport->Disconnect();
    EXPECT_TRUE(HoldsInChild(MayUseGrpc));
  }
}

}  // namespace
}  // namespace holdfast::core
