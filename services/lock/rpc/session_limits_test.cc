// Sessions whose clients do not read.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "services/lock/rpc/session_reactor.h"
#include "services/lock/rpc/testing/manual_clock.h"
#include "services/lock/rpc/testing/session_fixture.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/channel.h"
#include "tests/support/eventually.h"

namespace holdfast {
namespace {

using grpc::StatusCode;

class SlowSessionTest : public SessionTest {
 protected:
  // A server, a lock whose holder has a long name, and a session that waits for it, whose
  // client takes only a few bytes at a time.
  void StartSlowSession() { StartSlowSession({.clock = &clock_}); }
  void StartSlowSession(const TestServer::Options& options) {
    StartServer(options);
    ASSERT_TRUE(
        client_->Acquire({.key = "k", .lease_id = Id("a"), .owner = std::string(256, 'o')}).ok());
    slow_ = std::make_unique<SessionStream>(SlowChannel(server_->address()), kSession);
    slow_->Attach();
    slow_->Acquire({.key = "k", .lease_id = Id("b")});
  }

  // Asks for what the server cannot tell before the client reads, and is far more than it
  // lets gather.
  void AskForTooMuch(int messages = 8) {
    for (int message = 0; message < messages; ++message) {
      v1::SessionRequest request;
      for (int i = 0; i < 200; ++i) {
        v1::Operation operation = slow_->NewOperation();
        *operation.mutable_acquire()->mutable_request() =
            ToRequest({.key = "k", .lease_id = Id("c"), .timeout = Duration::zero()});
        *request.add_operations() = operation;
      }
      if (!slow_->Send(request)) return;
    }
  }

  // Asks for more than the server can send, but less than what makes it stop reading. All
  // of it has been answered, as far as the server is concerned, when this returns.
  void FillWhatIsSent() {
    for (int message = 0; message < 2; ++message) {
      v1::SessionRequest request;
      for (int i = 0; i < 200; ++i) {
        v1::Operation operation = slow_->NewOperation();
        *operation.mutable_acquire()->mutable_request() =
            ToRequest({.key = "k", .lease_id = Id("c"), .timeout = Duration::zero()});
        *request.add_operations() = operation;
      }
      ASSERT_TRUE(slow_->Send(request));
    }
    slow_->Acquire({.key = "last", .lease_id = Id("d")});
    ASSERT_TRUE(Eventually([&] { return client_->Get("last").response.holders_size() == 1; }));
  }

  // The session's wait has no stream any more.
  bool HasEnded() { return client_->Get("k").response.waiters(0).parked(); }

  std::unique_ptr<SessionStream> slow_;
};

TEST_F(SlowSessionTest, IsEndedWhenItHasReadNothingForTooLong) {
  StartSlowSession();
  AskForTooMuch();
  // Others are served meanwhile, and it is not ended early: time stands still.
  LetPass(std::chrono::milliseconds(600));
  EXPECT_FALSE(HasEnded());
  // The server may have noticed only now that nothing can be written any more.
  ASSERT_TRUE(Eventually([&] {
    clock_.Advance(SessionReactor::kStallLimit);
    return HasEnded();
  }));
  const CallStatus end = slow_->End();
  EXPECT_EQ(end.code, StatusCode::RESOURCE_EXHAUSTED) << end;
  EXPECT_EQ(end.Get("limit"), "session_backlog") << end;
}

TEST_F(SlowSessionTest, GoesOnWhenItReadsInTime) {
  StartSlowSession();
  AskForTooMuch();
  // Whatever the server holds back, and however often it stops reading.
  for (std::uint64_t id = 3; id < 3 + 8 * 200; ++id) {
    ASSERT_EQ(FailureOf(slow_->Await(id)).reason, "LOCK_HELD");
  }
  clock_.Advance(SessionReactor::kStallLimit);
  EXPECT_TRUE(slow_->Await(slow_->RenewAll()).has_renewed_all());
}

// The waiter that leaves the queue shows that the window is over, and with it what would end
// with it.
TEST_F(SessionTest, AGrantThatWasSentOutlivesTheWindow) {
  StartServer({.limits = {.reattach_window = std::chrono::milliseconds(1)}});
  const auto session = Attached();
  const AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = std::chrono::hours(1)};
  ASSERT_TRUE(session->Await(session->Acquire(args)).has_granted());
  session->Acquire({.key = "k", .lease_id = Id("b")});
  ASSERT_TRUE(Eventually([&] { return client_->Get("k").response.queue_length() == 1; }));
  session->Cancel();
  ASSERT_TRUE(Eventually([&] { return client_->Get("k").response.queue_length() == 0; }));
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);
}

// It has all that the client asks for when it stops to read, and reads on once.
TEST_F(SlowSessionTest, GoesOnAlsoWhereNothingMoreWasAsked) {
  constexpr int kMessages = 3;
  StartSlowSession();
  AskForTooMuch(kMessages);
  for (std::uint64_t id = 3; id < 3 + kMessages * 200; ++id) {
    ASSERT_EQ(FailureOf(slow_->Await(id)).reason, "LOCK_HELD");
  }
  EXPECT_TRUE(slow_->Await(slow_->RenewAll()).has_renewed_all());
}

// It has no expire, so nothing else would ever end it.
TEST_F(SlowSessionTest, AGrantThatCouldNotBeSentIsKeptForTheWindowAlone) {
  StartSlowSession({.limits = {.reattach_window = std::chrono::milliseconds(1)}});
  FillWhatIsSent();
  ASSERT_TRUE(client_->Release("k", Id("a")).ok());
  ASSERT_EQ(server_->engine().stats().leases, 2u);
  slow_->Cancel();
  EXPECT_TRUE(Eventually([&] {
    client_->Get("k");
    return server_->engine().stats().leases == 0;
  }));
}

class UnattachedSessionTest : public SessionTest {
 protected:
  // A server with room for two streams, and two that do not attach.
  void StartWithUnattached() {
    StartServer({.rpc_limits = {.max_sessions = 1}, .clock = &clock_});
    for (auto& stream : unattached_) stream = NewStream();
    ASSERT_TRUE(Eventually([&] { return !HasRoom(); }));
  }

  bool HasRoom() {
    const auto stream = NewStream();
    stream->HalfClose();
    return stream->End().Get("limit") != "max_sessions";
  }

  std::array<std::unique_ptr<SessionStream>, 2> unattached_;
};

TEST_F(UnattachedSessionTest, IsEndedWhenItsTimeIsOver) {
  StartWithUnattached();
  const auto least = std::chrono::milliseconds(1);
  clock_.Advance(SessionReactor::kAttachLimit - least);
  LetPass(std::chrono::milliseconds(600));
  EXPECT_FALSE(HasRoom());
  clock_.Advance(least);
  for (const auto& stream : unattached_) {
    const CallStatus end = stream->End();
    EXPECT_EQ(end.code, StatusCode::RESOURCE_EXHAUSTED) << end;
    EXPECT_EQ(end.Get("limit"), "session_attach") << end;
  }
  EXPECT_TRUE(Eventually([&] { return HasRoom(); }));
}

TEST_F(UnattachedSessionTest, IsToldThatTheServerStops) {
  StartWithUnattached();
  server_->engine().Drain();
  server_->server().Shutdown();
  for (const auto& stream : unattached_) EXPECT_EQ(stream->End().reason, "SERVER_STOPPING");
}

TEST_F(UnattachedSessionTest, OneThatHasAttachedMayBeSilentForAsLongAsItLikes) {
  StartServer({.clock = &clock_});
  const auto session = Attached();
  clock_.Advance(2 * SessionReactor::kAttachLimit);
  LetPass(std::chrono::milliseconds(600));
  EXPECT_TRUE(session->Await(session->RenewAll()).has_renewed_all());
}

}  // namespace
}  // namespace holdfast
