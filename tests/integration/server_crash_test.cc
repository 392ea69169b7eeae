// kill -9 of the server: what was acknowledged is there again after it.

#include <chrono>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;

class ServerCrashTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  void CrashAndRestart() {
    server_.Kill9();
    ASSERT_EQ(server_.Start(), absl::OkStatus());
  }

  // A client with a connection to the server that runs now.
  StubClient Client() { return StubClient(server_.address()); }

  ServerProcess server_;
};

TEST_F(ServerCrashTest, LeaseIsThereAgainAsItWas) {
  const auto before = Client().Acquire({.key = "k",
                                        .lease_id = Id("holder"),
                                        .expire = minutes(1),
                                        .tags = {"red", "blue"},
                                        .owner = "svc@host:1"});
  ASSERT_TRUE(before.ok()) << before.status;
  CrashAndRestart();

  const auto after = Client().Get("k");
  ASSERT_EQ(after.response.holders_size(), 1) << after.status;
  const v1::Holder& holder = after.response.holders(0);
  EXPECT_EQ(holder.fencing_token(), before.response.fencing_token());
  EXPECT_EQ(holder.owner(), "svc@host:1");
  EXPECT_THAT(holder.tags(), ElementsAre("blue", "red"));
  EXPECT_EQ(FromProto(holder.expire()), minutes(1));
  EXPECT_EQ(holder.held_since().seconds(), before.response.granted_at().seconds());
}

TEST_F(ServerCrashTest, LeaseHasItsFullExpireAgain) {
  ASSERT_TRUE(Client().Acquire({.key = "k", .lease_id = Id("holder"), .expire = minutes(1)}).ok());
  LetPass(milliseconds(500));
  server_.Kill9();
  const Stopwatch since_restart;
  ASSERT_EQ(server_.Start(), absl::OkStatus());

  const auto lock = Client().Get("k");
  ASSERT_EQ(lock.response.holders_size(), 1) << lock.status;
  EXPECT_GE(FromProto(lock.response.holders(0).remaining()), minutes(1) - since_restart.Elapsed());
}

TEST_F(ServerCrashTest, LeaseWithoutExpiryStays) {
  ASSERT_TRUE(Client().Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  CrashAndRestart();
  const auto lock = Client().Get("k");
  ASSERT_EQ(lock.response.holders_size(), 1) << lock.status;
  EXPECT_FALSE(lock.response.holders(0).has_expire());
}

TEST_F(ServerCrashTest, SameLeaseIdGetsTheSameLeaseAndOthersDoNot) {
  const AcquireArgs holder{
      .key = "k", .lease_id = Id("holder"), .expire = minutes(1), .owner = "me"};
  const auto before = Client().Acquire(holder);
  ASSERT_TRUE(before.ok()) << before.status;
  CrashAndRestart();

  StubClient client = Client();
  const auto again = client.Acquire(holder);
  ASSERT_TRUE(again.ok()) << again.status;
  EXPECT_EQ(again.response.fencing_token(), before.response.fencing_token());
  const auto other = client.Acquire({.key = "k", .lease_id = Id("other")});
  EXPECT_EQ(other.status.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(other.status.reason, "LOCK_HELD");
  EXPECT_EQ(other.status.Get("owner"), "me");

  EXPECT_TRUE(client.Renew("k", Id("holder")).ok());
  EXPECT_TRUE(client.Release("k", Id("holder")).ok());
  const auto next = client.Acquire({.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.ok()) << next.status;
  EXPECT_GT(next.response.fencing_token(), before.response.fencing_token());
}

TEST_F(ServerCrashTest, UsedUpLeaseIdsStayUsedUp) {
  {
    StubClient client = Client();
    ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("released")}).ok());
    ASSERT_TRUE(client.Release("k", Id("released")).ok());
    ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
    ASSERT_EQ(client.Acquire({.key = "k", .lease_id = Id("timed-out"), .timeout = milliseconds(1)})
                  .status.reason,
              "WAIT_TIMEOUT");
    ASSERT_EQ(client.Release("other", Id("overtaken")).reason, "LEASE_NOT_FOUND");
  }
  CrashAndRestart();

  StubClient client = Client();
  for (const auto& [name, ended_by] :
       {std::pair("released", "released"), std::pair("timed-out", "timed_out"),
        std::pair("overtaken", "released")}) {
    const auto refused = client.Acquire({.key = "other", .lease_id = Id(name)});
    EXPECT_EQ(refused.status.code, grpc::StatusCode::FAILED_PRECONDITION) << name;
    EXPECT_EQ(refused.status.reason, "LEASE_ENDED") << name;
    EXPECT_EQ(refused.status.Get("ended_by"), ended_by) << name;
    EXPECT_TRUE(client.Release("k", Id(name)).ok()) << "a release sent again: " << name;
  }
}

TEST_F(ServerCrashTest, LapsedLeaseStaysLapsed) {
  ASSERT_TRUE(
      Client().Acquire({.key = "k", .lease_id = Id("holder"), .expire = milliseconds(20)}).ok());
  StubClient before = Client();
  ASSERT_TRUE(Eventually([&] { return before.Get("k").response.holders().empty(); }));
  CrashAndRestart();
  StubClient client = Client();
  EXPECT_EQ(client.Renew("k", Id("holder")).status.reason, "LEASE_EXPIRED");
  EXPECT_EQ(client.Release("k", Id("holder")).reason, "LEASE_EXPIRED");
  EXPECT_TRUE(client.Acquire({.key = "k", .lease_id = Id("next")}).ok());
}

TEST_F(ServerCrashTest, RenewedLengthIsKept) {
  {
    StubClient client = Client();
    ASSERT_TRUE(client.Acquire({.key = "k", .lease_id = Id("holder"), .expire = minutes(1)}).ok());
    ASSERT_TRUE(client.Renew("k", Id("holder"), minutes(5)).ok());
  }
  CrashAndRestart();
  const auto lock = Client().Get("k");
  ASSERT_EQ(lock.response.holders_size(), 1) << lock.status;
  EXPECT_EQ(FromProto(lock.response.holders(0).expire()), minutes(5));
}

}  // namespace
}  // namespace holdfast
