// The main job: a lock goes from one process to another.

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/client_process.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

TEST(HandOverTest, NextProcessGetsTheLockAtTheReleaseWithALargerToken) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  ClientProcess first(server.address());
  ClientProcess second(server.address());

  first.WriteLine("wait job " + Id("first") + " 60000");
  const std::uint64_t first_token = first.ReadToken();
  ASSERT_GT(first_token, 0u);
  second.WriteLine("wait job " + Id("second") + " 60000");
  ASSERT_EQ(second.ReadLine(), "queued 1");

  first.WriteLine("release job " + Id("first"));
  EXPECT_EQ(first.ReadLine(), "released");
  EXPECT_GT(second.ReadToken(), first_token);
}

TEST(HandOverTest, TwoProcessesTakeTurns) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  ClientProcess clients[] = {ClientProcess(server.address()), ClientProcess(server.address())};

  constexpr int kTurns = 200;
  clients[0].WriteLine("wait job " + Id("turn", 0) + " 60000");
  std::uint64_t last_token = clients[0].ReadToken();
  for (int turn = 1; turn <= kTurns; ++turn) {
    ClientProcess& holder = clients[(turn - 1) % 2];
    ClientProcess& next = clients[turn % 2];
    next.WriteLine("wait job " + Id("turn", turn) + " 60000");
    ASSERT_EQ(next.ReadLine(), "queued 1");
    holder.WriteLine("release job " + Id("turn", turn - 1));
    ASSERT_EQ(holder.ReadLine(), "released");
    const std::uint64_t token = next.ReadToken();
    ASSERT_GT(token, last_token) << "in turn " << turn;
    last_token = token;
  }
}

TEST(HandOverTest, EveryoneSeesTheHolderAndTheQueueButNotTheirLeaseIds) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  ClientProcess holder(server.address());
  ClientProcess waiter(server.address());
  holder.WriteLine("wait job " + Id("holder") + " 60000");
  const std::uint64_t token = holder.ReadToken();
  waiter.WriteLine("wait job " + Id("waiter") + " 60000");
  ASSERT_EQ(waiter.ReadLine(), "queued 1");

  StubClient onlooker(server.address());
  const auto answer = onlooker.Get("job");
  ASSERT_TRUE(answer.ok()) << answer.status;
  const v1::Lock& lock = answer.response;
  ASSERT_EQ(lock.holders_size(), 1);
  EXPECT_EQ(lock.holders(0).fencing_token(), token);
  EXPECT_EQ(lock.holders(0).owner(), "lock_client");
  EXPECT_EQ(lock.queue_length(), 1u);
  ASSERT_EQ(lock.waiters_size(), 1);
  EXPECT_EQ(lock.waiters(0).position(), 1u);
  EXPECT_FALSE(lock.waiters(0).parked());
  const std::string everything = lock.SerializeAsString();
  EXPECT_EQ(everything.find(Id("holder")), std::string::npos);
  EXPECT_EQ(everything.find(Id("waiter")), std::string::npos);
}

}  // namespace
}  // namespace holdfast
