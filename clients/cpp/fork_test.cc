// fork(): what a child may do, and what it must not believe.

#include <grpc/grpc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/sync_lock.h"
#include "tests/support/forked_child.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class ForkTest : public testing::Test {
 protected:
  // Not with Start, which uses gRPC itself.
  void SetUp() override {
    ASSERT_EQ(server_.Launch(), absl::OkStatus());
    ASSERT_TRUE(HoldsInChild([this] { return TakesALock("k"); }));
  }

  // Takes and releases a lock with a client of its own.
  bool TakesALock(const std::string& key) {
    const auto client = Client::Create(server_.address());
    if (!client.ok()) {
      std::cerr << client.status() << '\n';
      return false;
    }
    SyncLock lock(**client, key, {.timeout = 10s, .expire = 30s});
    const absl::Status acquired = lock.Acquire().status();
    const absl::Status released = lock.Release();
    if (!acquired.ok() || !released.ok()) std::cerr << acquired << ", " << released << '\n';
    return acquired.ok() && released.ok();
  }

  ServerProcess server_;
};

TEST_F(ForkTest, LeaseInAChildIsLost) {
  const auto client = *Client::Create(server_.address());
  SyncLock lock(*client, "k", {.expire = 30s});
  const auto lease = lock.Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_TRUE(HoldsInChild([&] {
    return !lease->valid() && lease->state() == LeaseState::kLost &&
           lease->lost().stop_requested() && lease->deadline() < MonotonicClock::now() &&
           absl::IsFailedPrecondition(lease->status());
  }));
  EXPECT_TRUE(lease->valid());
  EXPECT_FALSE(lease->lost().stop_requested());
  EXPECT_EQ(lock.Release(), absl::OkStatus());
}

TEST_F(ForkTest, ChildOfAProcessWithAClientUsesNeitherThatNorAnother) {
  const auto client = *Client::Create(server_.address());
  ASSERT_TRUE(TakesALock("k"));
  EXPECT_TRUE(HoldsInChild([&] {
    // Its children are not better off.
    return absl::IsFailedPrecondition(client->Get("k").status()) &&
           absl::IsFailedPrecondition(Client::Create(server_.address()).status()) &&
           HoldsInChild([&] {
             return absl::IsFailedPrecondition(Client::Create(server_.address()).status());
           });
  }));
}

TEST_F(ForkTest, DestroyingAClientInAChildDoesNothing) {
  auto client = *Client::Create(server_.address());
  auto lock = std::make_optional<SyncLock>(*client, "k", LockOptions{.expire = 30s});
  ASSERT_TRUE(lock->Acquire().ok());
  EXPECT_TRUE(HoldsInChild([&] {
    lock.reset();
    client = nullptr;
    return true;
  }));
  EXPECT_EQ(lock->Release(), absl::OkStatus());
}

TEST_F(ForkTest, ChildMakesItsOwnWhenTheParentsClientsAreGone) {
  for (int round = 0; round < 3; ++round) {
    auto client = *Client::Create(server_.address());
    auto lock = std::make_optional<SyncLock>(*client, "parents", LockOptions{.expire = 30s});
    const auto lease = lock->Acquire();
    ASSERT_TRUE(lease.ok());
    client = nullptr;  // What it leaves behind, the lock and the lease, is in nobody's way.
    EXPECT_TRUE(HoldsInChild([&] {
      return !lease->valid() && TakesALock("k") && TakesALock("k") &&
             HoldsInChild([&] { return TakesALock("k"); });
    }));
    EXPECT_TRUE(TakesALock("k"));
  }
}

TEST_F(ForkTest, ChildMakesItsOwnWhenTheParentsClientHasNotReachedItsServer) {
  for (int round = 0; round < 3; ++round) {
    {
      const auto client = *Client::Create("unix:/tmp/no-such-holdfast.sock", {.call_timeout = 1s});
      EXPECT_TRUE(absl::IsUnavailable(client->Get("k").status()));
    }
    EXPECT_TRUE(HoldsInChild([&] { return TakesALock("k"); }));
  }
}

// How often the thread has gone to sleep so far.
long Sleeps() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// The wait for gRPC's end, which would not come, is some two thousand short ones.
TEST_F(ForkTest, IsNotHeldUpByGrpcThatTheProgramUsesItself) {
  EXPECT_TRUE(HoldsInChild([&] {
    grpc_init();
    long sleeps = 0;
    for (int round = 0; round < 3; ++round) {
      if (!TakesALock("k")) return false;
      const long before = Sleeps();
      if (!HoldsInChild([] { return true; })) return false;
      sleeps += Sleeps() - before;
    }
    return sleeps < 200;
  }));
}

TEST_F(ForkTest, ManyWorkersEachMakeAClient) {
  ASSERT_TRUE(TakesALock("k"));
  for (int worker = 0; worker < 10; ++worker) {
    EXPECT_TRUE(HoldsInChild([&] { return TakesALock("worker"); }));
  }
}

}  // namespace
}  // namespace holdfast
