// What the operations promise, whichever way they come: as unary calls or in a session.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/testing/manual_clock.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/eventually.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Blocking, with an answer each.
class Way {
 public:
  virtual ~Way() = default;
  virtual Answer<v1::Lease> Acquire(const AcquireArgs& args) = 0;
  virtual CallStatus Release(const std::string& key, const std::string& lease_id) = 0;
  virtual Answer<v1::Lease> Renew(const std::string& key, const std::string& lease_id,
                                  std::optional<std::chrono::nanoseconds> expire = {}) = 0;
};

class UnaryWay final : public Way {
 public:
  explicit UnaryWay(const TestServer& server) : client_(server.address()) {}

  Answer<v1::Lease> Acquire(const AcquireArgs& args) override { return client_.Acquire(args); }
  CallStatus Release(const std::string& key, const std::string& lease_id) override {
    return client_.Release(key, lease_id);
  }
  Answer<v1::Lease> Renew(const std::string& key, const std::string& lease_id,
                          std::optional<std::chrono::nanoseconds> expire) override {
    return client_.Renew(key, lease_id, expire);
  }

 private:
  StubClient client_;
};

class SessionWay final : public Way {
 public:
  explicit SessionWay(const TestServer& server)
      : session_(server.NewChannel(), "session-01234567") {
    session_.Attach();
  }

  // As the unary call, it tries once if it has no timeout.
  Answer<v1::Lease> Acquire(const AcquireArgs& args) override {
    AcquireArgs waiting = args;
    if (!waiting.timeout.has_value()) waiting.timeout = seconds(0);
    const v1::Event event = session_.Await(session_.Acquire(waiting));
    if (!event.has_granted()) return {.status = FailureOf(event)};
    return {.status = {.code = StatusCode::OK}, .response = event.granted()};
  }
  CallStatus Release(const std::string& key, const std::string& lease_id) override {
    const v1::Event event = session_.Await(session_.Release(key, lease_id));
    return event.has_released() ? CallStatus{.code = StatusCode::OK} : FailureOf(event);
  }
  Answer<v1::Lease> Renew(const std::string& key, const std::string& lease_id,
                          std::optional<std::chrono::nanoseconds> expire) override {
    const v1::Event event = session_.Await(session_.Renew(key, lease_id, expire));
    if (!event.has_renewed()) return {.status = FailureOf(event)};
    return {.status = {.code = StatusCode::OK}, .response = event.renewed()};
  }

 private:
  SessionStream session_;
};

class OperationsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "Unary") {
      way_ = std::make_unique<UnaryWay>(server_);
    } else {
      way_ = std::make_unique<SessionWay>(server_);
    }
  }

  // By somebody else, in a call of its own.
  void HoldByOther(const std::string& key) {
    ASSERT_TRUE(other_.Acquire({.key = key, .lease_id = Id("other"), .owner = "other"}).ok());
  }

  ManualClock clock_;
  TestServer server_{{.clock = &clock_}};
  StubClient other_{server_.address()};
  std::unique_ptr<Way> way_;
};

INSTANTIATE_TEST_SUITE_P(Ways, OperationsTest, testing::Values("Unary", "Session"),
                         [](const auto& test) { return test.param; });

TEST_P(OperationsTest, AGrantSaysWhatItIsWorth) {
  const auto first = way_->Acquire({.key = "k", .lease_id = Id("a"), .expire = seconds(60)});
  ASSERT_TRUE(first.ok()) << first.status;
  EXPECT_EQ(FromProto(first.response.expire()), seconds(60));
  EXPECT_EQ(FromProto(first.response.remaining()), seconds(60));
  const auto second = way_->Acquire({.key = "l", .lease_id = Id("b")});
  EXPECT_GT(second.response.fencing_token(), first.response.fencing_token());
  EXPECT_FALSE(second.response.has_remaining());
}

TEST_P(OperationsTest, AcquireTwiceIsOneLease) {
  AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = minutes(1), .tags = {"a", "b"}};
  const auto first = way_->Acquire(args);
  args.tags = {"b", "a"};
  args.timeout = minutes(1);
  const auto second = way_->Acquire(args);
  ASSERT_TRUE(second.ok()) << second.status;
  EXPECT_EQ(second.response.fencing_token(), first.response.fencing_token());
  args.owner = "somebody else";
  const CallStatus mismatch = way_->Acquire(args).status;
  EXPECT_EQ(mismatch.reason, "LEASE_MISMATCH");
  EXPECT_EQ(mismatch.Get("field"), "owner");
}

TEST_P(OperationsTest, WhoTriesOnceIsToldWhoHoldsIt) {
  HoldByOther("k");
  const CallStatus status = way_->Acquire({.key = "k", .lease_id = Id("a")}).status;
  EXPECT_EQ(status.code, StatusCode::ABORTED);
  EXPECT_EQ(status.reason, "LOCK_HELD");
  EXPECT_EQ(status.Get("owner"), "other");
  EXPECT_EQ(status.Get("queue_length"), "0");
  EXPECT_THAT(status.message, testing::HasSubstr("\"k\""));
  ASSERT_TRUE(other_.Release("k", Id("other")).ok());
  EXPECT_TRUE(way_->Acquire({.key = "k", .lease_id = Id("a")}).ok()) << "the id has not ended";
}

TEST_P(OperationsTest, AWaitEndsWithItsTimeoutAndItsIdWithIt) {
  HoldByOther("k");
  const AcquireArgs args{.key = "k", .lease_id = Id("a"), .timeout = milliseconds(1)};
  std::atomic<bool> done{false};
  std::thread time([&] {
    while (!done) {
      clock_.Advance(milliseconds(1));
      other_.Get("k");
    }
  });
  const CallStatus status = way_->Acquire(args).status;
  done = true;
  time.join();
  EXPECT_EQ(status.code, StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(status.reason, "WAIT_TIMEOUT");
  EXPECT_EQ(status.Get("owner"), "other");
  const CallStatus again = way_->Acquire(args).status;
  EXPECT_EQ(again.reason, "LEASE_ENDED");
  EXPECT_EQ(again.Get("ended_by"), "timed_out");
}

TEST_P(OperationsTest, ReleaseMayComeTwiceAndEndsTheId) {
  ASSERT_TRUE(way_->Acquire({.key = "k", .lease_id = Id("a")}).ok());
  EXPECT_TRUE(way_->Release("k", Id("a")).ok());
  EXPECT_TRUE(way_->Release("k", Id("a")).ok());
  const CallStatus ended = way_->Acquire({.key = "k", .lease_id = Id("a")}).status;
  EXPECT_EQ(ended.code, StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ended.Get("ended_by"), "released");
}

TEST_P(OperationsTest, AReleaseThatOvertakesItsAcquireWins) {
  const CallStatus unknown = way_->Release("k", Id("a"));
  EXPECT_EQ(unknown.code, StatusCode::NOT_FOUND);
  EXPECT_EQ(unknown.reason, "LEASE_NOT_FOUND");
  EXPECT_EQ(way_->Acquire({.key = "k", .lease_id = Id("a")}).status.reason, "LEASE_ENDED");
}

TEST_P(OperationsTest, RenewLengthensALease) {
  ASSERT_TRUE(way_->Acquire({.key = "k", .lease_id = Id("a"), .expire = seconds(60)}).ok());
  clock_.Advance(seconds(10));
  const auto renewed = way_->Renew("k", Id("a"));
  ASSERT_TRUE(renewed.ok()) << renewed.status;
  EXPECT_EQ(FromProto(renewed.response.remaining()), seconds(60));
  EXPECT_EQ(FromProto(way_->Renew("k", Id("a"), seconds(90)).response.expire()), seconds(90));
  EXPECT_EQ(FromProto(way_->Renew("k", Id("a"), seconds(5)).response.expire()), seconds(90))
      << "and never shortens it";
}

TEST_P(OperationsTest, RenewAndReleaseSayWhyThereIsNothing) {
  EXPECT_EQ(way_->Renew("k", Id("a")).status.reason, "LEASE_NOT_FOUND");
  ASSERT_TRUE(way_->Acquire({.key = "k", .lease_id = Id("b"), .expire = seconds(1)}).ok());
  EXPECT_EQ(way_->Renew("other", Id("b")).status.reason, "LEASE_MISMATCH");
  ASSERT_TRUE(other_.ForceRelease("k").ok());
  EXPECT_EQ(way_->Renew("k", Id("b")).status.reason, "LEASE_FORCED");
  EXPECT_EQ(way_->Release("k", Id("b")).reason, "LEASE_FORCED");
}

TEST_P(OperationsTest, ALeaseThatHasLapsedIsReportedAsSuch) {
  ASSERT_TRUE(way_->Acquire({.key = "k", .lease_id = Id("a"), .expire = milliseconds(20)}).ok());
  // Time that passes faster than the server's own pulse looks like a stall of it.
  ASSERT_TRUE(Eventually([&] {
    clock_.Advance(milliseconds(1));
    return other_.Get("k").response.holders().empty();
  }));
  EXPECT_EQ(way_->Renew("k", Id("a")).status.reason, "LEASE_EXPIRED");
  EXPECT_EQ(way_->Release("k", Id("a")).reason, "LEASE_EXPIRED");
}

TEST_P(OperationsTest, AFieldBeyondItsLimitIsNamed) {
  const std::string id = Id("a");
  const auto rejected = [&](const AcquireArgs& args) {
    const CallStatus status = way_->Acquire(args).status;
    EXPECT_EQ(status.code, StatusCode::INVALID_ARGUMENT) << status;
    return status.Get("field");
  };
  EXPECT_EQ(rejected({.key = "", .lease_id = id}), "key");
  EXPECT_EQ(rejected({.key = std::string(513, 'k'), .lease_id = id}), "key");
  EXPECT_EQ(rejected({.key = "k", .lease_id = "short"}), "lease_id");
  EXPECT_EQ(rejected({.key = "k", .lease_id = id, .expire = seconds(0)}), "expire");
  EXPECT_EQ(rejected({.key = "k", .lease_id = id, .tags = {"t", "t"}}), "tags[1]");
  EXPECT_EQ(rejected({.key = "k", .lease_id = id, .owner = std::string(257, 'o')}), "owner");
  EXPECT_EQ(rejected({.key = "k", .lease_id = id, .timeout = seconds(-1)}), "timeout");
  EXPECT_EQ(rejected({.key = "k", .lease_id = id, .max_hold = seconds(0)}), "max_hold");
  EXPECT_EQ(way_->Release("", id).Get("field"), "key");
  EXPECT_EQ(way_->Renew("k", id, seconds(0)).status.Get("field"), "expire");
}

}  // namespace
}  // namespace holdfast
