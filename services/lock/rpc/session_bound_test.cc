// Which ends of a stream are its client's: those that bound leases end with.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/lock/rpc/testing/session_fixture.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/eventually.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using std::chrono::hours;

class BoundTest : public SessionTest {
 protected:
  // A session that holds "k", and has heard that the server knows that it knows.
  std::unique_ptr<SessionStream> Holding(const std::string& address) {
    auto session = std::make_unique<SessionStream>(TestServer::NewChannel(address), kSession);
    session->Attach();
    const v1::Event granted = session->Await(
        session->Acquire({.key = "k", .lease_id = Id("a"), .expire = hours(1), .bound = true}));
    EXPECT_TRUE(granted.has_granted()) << granted.DebugString();
    session->Acknowledge();
    session->Await(session->RenewAll());
    return session;
  }

  bool IsHeld() { return client_->Get("k").response.holders_size() == 1; }

  // The session has no stream any more, and what its end brings with it has happened.
  bool IsHeldAfterTheEnd() {
    // A newer stream would have to be refused, or to take over, had the engine not been
    // told; the engine does what it is told in order.
    const auto next = NewStream(2);
    next->Attach({{.key = "k", .lease_id = Id("a")}});
    return IsHeld();
  }
};

TEST_F(BoundTest, TheClientClosesTheStream) {
  StartServer();
  const auto session = Holding(server_->address());
  session->HalfClose();
  EXPECT_TRUE(session->End().ok());
  EXPECT_TRUE(Eventually([&] { return !IsHeld(); }));
}

TEST_F(BoundTest, TheClientCancelsTheStream) {
  StartServer();
  const auto session = Holding(server_->address());
  session->Cancel();
  EXPECT_TRUE(Eventually([&] { return !IsHeld(); }));
}

TEST_F(BoundTest, TheClientsConnectionEnds) {
  StartServer();
  Holding(server_->address()).reset();
  EXPECT_TRUE(Eventually([&] { return !IsHeld(); }));
}

TEST_F(BoundTest, OverTcpTheEndSaysNothing) {
  StartServer();
  const auto session = Holding(server_->tcp_address());
  session->HalfClose();
  EXPECT_TRUE(session->End().ok());
  EXPECT_TRUE(IsHeldAfterTheEnd());
}

TEST_F(BoundTest, TheServerEndsTheStreamForWhatItBreaks) {
  StartServer();
  const auto session = Holding(server_->address());
  v1::SessionRequest request;
  request.add_operations();
  session->Send(request);
  EXPECT_EQ(session->End().reason, "INVALID_FIELD");
  EXPECT_TRUE(IsHeldAfterTheEnd());
}

// It goes out of gRPC's way as well: no message is so large that gRPC ends the stream.
TEST_F(BoundTest, TheServerEndsTheStreamForWhatIsTooLarge) {
  for (const std::size_t bytes : {std::size_t{70'000}, std::size_t{3} << 20}) {
    StartServer();
    const auto session = Holding(server_->address());
    v1::Operation operation = session->NewOperation();
    operation.mutable_release()->set_key(std::string(bytes, 'k'));
    session->Send(operation);
    EXPECT_EQ(session->End().Get("limit"), "max_message_bytes");
    EXPECT_TRUE(IsHeldAfterTheEnd());
  }
}

TEST_F(BoundTest, ANewerStreamTakesOver) {
  StartServer();
  const auto older = Holding(server_->address());
  const auto newer = NewStream(2);
  newer->Attach({{.key = "k", .lease_id = Id("a")}});
  EXPECT_EQ(older->End().reason, "SESSION_REPLACED");
  EXPECT_TRUE(IsHeld());
}

TEST_F(BoundTest, TheServerStops) {
  StartServer();
  const auto session = Holding(server_->address());
  server_->engine().Drain();
  EXPECT_EQ(session->End().reason, "SERVER_STOPPING");
  EXPECT_EQ(server_->engine().stats().leases, 1u);
  server_->server().Shutdown();
  EXPECT_EQ(server_->engine().stats().leases, 1u);
}

// What the server cuts it cannot tell from a client's end by what gRPC says.
TEST_F(BoundTest, TheServerCutsTheConnection) {
  StartServer({.connections = {.max_calls_per_connection = 2}});
  const auto channel = TestServer::NewChannel(server_->address());
  SessionStream session(channel, kSession);
  session.Attach();
  ASSERT_TRUE(session
                  .Await(session.Acquire(
                      {.key = "k", .lease_id = Id("a"), .expire = hours(1), .bound = true}))
                  .has_granted());
  session.Acknowledge();
  session.Await(session.RenewAll());
  StubClient same_connection(channel);
  std::vector<std::unique_ptr<WaitCall>> waits;
  for (int i = 0; i < 2; ++i) {
    waits.push_back(std::make_unique<WaitCall>(same_connection,
                                               AcquireArgs{.key = "k", .lease_id = Id("w", i)}));
  }
  EXPECT_EQ(session.End().code, grpc::StatusCode::UNAVAILABLE);
  LetPass(std::chrono::milliseconds(300));
  EXPECT_TRUE(IsHeldAfterTheEnd());
  EXPECT_EQ(server_->server().figures().cut[static_cast<std::size_t>(CutCause::kCalls)], 1u);
}

}  // namespace
}  // namespace holdfast
