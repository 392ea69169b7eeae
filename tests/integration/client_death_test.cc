// kill -9 of clients that hold a lock, or wait for one.

#include <chrono>

#include "gtest/gtest.h"
#include "tests/support/client_process.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

TEST(ClientDeathTest, HoldersLockGoesToTheNextAfterItsExpireAndNoEarlier) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ClientProcess holder(server.address());

  const Stopwatch since_before_grant;
  holder.WriteLine("wait k " + Id("holder") + " 2000");
  ASSERT_GT(holder.ReadToken(), 0u);
  WaitCall next(client, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  holder.Kill9();

  ASSERT_TRUE(next.AwaitGranted());
  EXPECT_GE(since_before_grant.Elapsed(), milliseconds(2000));
  EXPECT_EQ(client.Renew("k", Id("holder")).status.reason, "LEASE_EXPIRED");
}

TEST(ClientDeathTest, RenewalCountsFromTheMomentOfTheRenewal) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ClientProcess holder(server.address());
  holder.WriteLine("wait k " + Id("holder") + " 2000");
  ASSERT_GT(holder.ReadToken(), 0u);
  WaitCall next(client, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());

  LetPass(milliseconds(500));
  const Stopwatch since_before_renewal;
  holder.WriteLine("renew k " + Id("holder"));
  ASSERT_EQ(holder.ReadLine(), "renewed");
  holder.Kill9();

  ASSERT_TRUE(next.AwaitGranted());
  EXPECT_GE(since_before_renewal.Elapsed(), milliseconds(2000));
}

TEST(ClientDeathTest, WaitersDeathDelaysNobody) {
  // Longer than the test waits for anything: a dead waiter's place must not
  // stand in the way of those behind it even while it is kept.
  ServerProcess server({.flags = {"--reattach-window=10m"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  ClientProcess doomed(server.address());
  doomed.WriteLine("wait k " + Id("doomed") + " 60000");
  ASSERT_EQ(doomed.ReadLine(), "queued 1");
  WaitCall second(client, {.key = "k", .lease_id = Id("second")});
  ASSERT_TRUE(second.AwaitQueued());
  WaitCall third(client, {.key = "k", .lease_id = Id("third")});
  ASSERT_TRUE(third.AwaitQueued());

  doomed.Kill9();
  ASSERT_TRUE(Eventually([&] { return client.Get("k").response.waiters(0).parked(); }));
  ASSERT_TRUE(client.Release("k", Id("holder")).ok());
  ASSERT_TRUE(second.AwaitGranted());
  EXPECT_FALSE(third.granted());
  ASSERT_TRUE(client.Release("k", Id("second")).ok());
  ASSERT_TRUE(third.AwaitGranted());
}

TEST(ClientDeathTest, DeadWaitersPlaceIsGivenUpAfterTheWindow) {
  ServerProcess server({.flags = {"--reattach-window=100ms"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  ClientProcess doomed(server.address());
  doomed.WriteLine("wait k " + Id("doomed") + " 60000");
  ASSERT_EQ(doomed.ReadLine(), "queued 1");

  doomed.Kill9();
  ASSERT_TRUE(Eventually([&] { return client.Get("k").response.queue_length() == 0; }));
  const auto late =
      client.Acquire({.key = "k", .lease_id = Id("doomed"), .expire = std::chrono::minutes(1)});
  EXPECT_EQ(late.status.reason, "LEASE_ENDED");
  EXPECT_EQ(late.status.Get("ended_by"), "cancelled");
}

TEST(ClientDeathTest, WaiterThatComesBackInTimeHasItsOldPlace) {
  ServerProcess server({.flags = {"--reattach-window=10m"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const AcquireArgs first{.key = "k",
                          .lease_id = Id("first"),
                          .expire = std::chrono::minutes(1),
                          .owner = "lock_client"};
  ClientProcess doomed(server.address());
  doomed.WriteLine("wait k " + Id("first") + " 60000");
  ASSERT_EQ(doomed.ReadLine(), "queued 1");
  WaitCall second(client, {.key = "k", .lease_id = Id("second")});
  ASSERT_TRUE(second.AwaitQueued());
  doomed.Kill9();

  StubClient successor(server.address());
  WaitCall resumed(successor, first);
  ASSERT_TRUE(resumed.AwaitQueued());
  EXPECT_EQ(resumed.last_queued().position(), 1u);
  EXPECT_LT(resumed.last_queued().queue_sequence(), second.last_queued().queue_sequence());
  ASSERT_TRUE(client.Release("k", Id("holder")).ok());
  EXPECT_TRUE(resumed.AwaitGranted());
  EXPECT_FALSE(second.granted());
}

}  // namespace
}  // namespace holdfast
