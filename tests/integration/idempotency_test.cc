// Any request may be sent again, and arrive in any order: each lease_id is used
// once, and nobody touches another's lease.

#include <chrono>
#include <memory>

#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

class IdempotencyTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_.address());
  }

  ServerProcess server_;
  std::unique_ptr<StubClient> client_;
};

TEST_F(IdempotencyTest, AcquireTwiceIsOneLease) {
  const AcquireArgs args{
      .key = "k", .lease_id = Id("holder"), .expire = minutes(1), .tags = {"a", "b"}};
  const auto first = client_->Acquire(args);
  ASSERT_TRUE(first.ok()) << first.status;
  AcquireArgs again = args;
  again.tags = {"b", "a"};     // A set, in whatever order.
  again.timeout = minutes(1);  // May differ.
  const auto second = client_->Acquire(again);
  ASSERT_TRUE(second.ok()) << second.status;
  EXPECT_EQ(second.response.fencing_token(), first.response.fencing_token());
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);

  // By the other method, too.
  WaitCall third(*client_, args);
  ASSERT_TRUE(third.AwaitGranted()) << third.AwaitEnd();
  EXPECT_EQ(third.lease().fencing_token(), first.response.fencing_token());
  EXPECT_TRUE(third.AwaitEnd().ok());

  ASSERT_TRUE(client_->Release("k", args.lease_id).ok());
  EXPECT_EQ(client_->ListAll().response.size(), 0u);
}

TEST_F(IdempotencyTest, AcquireTwiceIsOneLeaseWhateverRenewHasChangedSince) {
  const AcquireArgs args{.key = "k", .lease_id = Id("holder"), .expire = minutes(1)};
  const auto first = client_->Acquire(args);
  ASSERT_TRUE(first.ok()) << first.status;
  ASSERT_TRUE(client_->Renew("k", args.lease_id, minutes(2)).ok());
  for (const bool restarted : {false, true}) {
    if (restarted) {
      server_.Kill9();
      ASSERT_EQ(server_.Start(), absl::OkStatus());
    }
    SCOPED_TRACE(restarted ? "after a crash" : "before it");
    const auto late = client_->Acquire(args);
    ASSERT_TRUE(late.ok()) << late.status;
    EXPECT_EQ(late.response.fencing_token(), first.response.fencing_token());
    EXPECT_EQ(FromProto(late.response.expire()), minutes(2));
    AcquireArgs other = args;
    other.expire = minutes(2);
    EXPECT_EQ(client_->Acquire(other).status.Get("field"), "expire");
  }
}

TEST_F(IdempotencyTest, WaiterThatReconnectsKeepsItsPlace) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const AcquireArgs args{.key = "k", .lease_id = Id("first")};
  auto broken_client = std::make_unique<StubClient>(server_.address());
  auto broken = std::make_unique<WaitCall>(*broken_client, args);
  ASSERT_TRUE(broken->AwaitQueued());
  WaitCall second(*client_, {.key = "k", .lease_id = Id("second")});
  ASSERT_TRUE(second.AwaitQueued());
  const auto place = broken->last_queued().queue_sequence();
  broken.reset();
  broken_client.reset();

  WaitCall resumed(*client_, args);
  ASSERT_TRUE(resumed.AwaitQueued());
  EXPECT_EQ(resumed.last_queued().queue_sequence(), place);
  EXPECT_EQ(resumed.last_queued().position(), 1u);
  ASSERT_TRUE(client_->Release("k", Id("holder")).ok());
  EXPECT_TRUE(resumed.AwaitGranted());
  EXPECT_FALSE(second.granted());
}

TEST_F(IdempotencyTest, TwoCallsOfOneWaiterAreOnePlaceAndOneGrant) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const AcquireArgs args{.key = "k", .lease_id = Id("waiter")};
  WaitCall one(*client_, args);
  ASSERT_TRUE(one.AwaitQueued());
  WaitCall two(*client_, args);
  ASSERT_TRUE(two.AwaitQueued());
  EXPECT_EQ(client_->Get("k").response.queue_length(), 1u);
  ASSERT_TRUE(client_->Release("k", Id("holder")).ok());
  ASSERT_TRUE(one.AwaitGranted());
  ASSERT_TRUE(two.AwaitGranted());
  EXPECT_EQ(one.lease().fencing_token(), two.lease().fencing_token());
}

TEST_F(IdempotencyTest, AcquireThatItsOwnReleaseHasOvertakenIsRefused) {
  const CallStatus early = client_->Release("k", Id("late"));
  EXPECT_EQ(early.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(early.reason, "LEASE_NOT_FOUND");
  const auto late = client_->Acquire({.key = "k", .lease_id = Id("late")});
  EXPECT_EQ(late.status.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(late.status.reason, "LEASE_ENDED");
  EXPECT_EQ(client_->ListAll().response.size(), 0u);
}

TEST_F(IdempotencyTest, ReleaseTwiceIsOk) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  EXPECT_TRUE(client_->Release("k", Id("holder")).ok());
  EXPECT_TRUE(client_->Release("k", Id("holder")).ok());
  const auto late = client_->Acquire({.key = "k", .lease_id = Id("holder")});
  EXPECT_EQ(late.status.reason, "LEASE_ENDED");
  EXPECT_EQ(late.status.Get("ended_by"), "released");
}

TEST_F(IdempotencyTest, ReleaseOfAWaiterTakesItOutOfTheQueue) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  WaitCall leaving(*client_, {.key = "k", .lease_id = Id("leaving")});
  ASSERT_TRUE(leaving.AwaitQueued());
  WaitCall next(*client_, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  ASSERT_EQ(client_->Renew("k", Id("leaving")).status.reason, "LEASE_WAITING");

  EXPECT_TRUE(client_->Release("k", Id("leaving")).ok());
  const CallStatus told = leaving.AwaitEnd();
  EXPECT_EQ(told.reason, "LEASE_ENDED") << told;
  EXPECT_EQ(told.Get("ended_by"), "released");
  ASSERT_TRUE(client_->Release("k", Id("holder")).ok());
  EXPECT_TRUE(next.AwaitGranted());
}

TEST_F(IdempotencyTest, StaleHolderDoesNotTouchItsSuccessor) {
  ASSERT_TRUE(
      client_->Acquire({.key = "k", .lease_id = Id("stale"), .expire = milliseconds(50)}).ok());
  const auto successor = client_->Acquire(
      {.key = "k", .lease_id = Id("successor"), .expire = minutes(1), .timeout = minutes(1)});
  ASSERT_TRUE(successor.ok()) << successor.status;

  const CallStatus released = client_->Release("k", Id("stale"));
  EXPECT_EQ(released.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(released.reason, "LEASE_EXPIRED");
  EXPECT_EQ(client_->Renew("k", Id("stale")).status.reason, "LEASE_EXPIRED");
  const auto lock = client_->Get("k");
  ASSERT_EQ(lock.response.holders_size(), 1);
  EXPECT_EQ(lock.response.holders(0).fencing_token(), successor.response.fencing_token());
}

TEST_F(IdempotencyTest, LeaseIdOfAnotherKeyIsRefused) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const CallStatus released = client_->Release("other", Id("holder"));
  EXPECT_EQ(released.code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(released.reason, "LEASE_MISMATCH");
  EXPECT_EQ(released.Get("field"), "key");
  EXPECT_EQ(client_->Renew("other", Id("holder")).status.reason, "LEASE_MISMATCH");
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);
}

TEST_F(IdempotencyTest, TimedOutWaiterDoesNotComeBack) {
  ASSERT_TRUE(client_->Acquire({.key = "k", .lease_id = Id("holder"), .owner = "me"}).ok());
  const AcquireArgs args{.key = "k", .lease_id = Id("waiter"), .timeout = milliseconds(50)};
  const auto timed_out = client_->Acquire(args);
  EXPECT_EQ(timed_out.status.code, grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(timed_out.status.reason, "WAIT_TIMEOUT");
  EXPECT_EQ(timed_out.status.Get("owner"), "me");
  ASSERT_TRUE(client_->Release("k", Id("holder")).ok());
  const auto late = client_->Acquire(args);
  EXPECT_EQ(late.status.reason, "LEASE_ENDED");
  EXPECT_EQ(late.status.Get("ended_by"), "timed_out");
}

}  // namespace
}  // namespace holdfast
