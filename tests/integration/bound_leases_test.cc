// Bound leases end with their holder's process, and with nothing else but their lapse.
//
// Where a lease has to end at once its expire is an hour: that anybody else is granted the
// lock at all is the proof.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/client_process.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr char kSession[] = "session-0123456789";

// Long enough for the server to see the end of a connection many times over.
constexpr milliseconds kLongEnough(700);

class BoundLeasesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_.address());
  }

  std::unique_ptr<ClientProcess> StartHolder(const std::string& address,
                                             const std::string& expire_ms = "3600000") {
    auto holder = std::make_unique<ClientProcess>(address);
    holder->WriteLine("bound k " + Id("holder") + " " + expire_ms);
    EXPECT_GT(holder->ReadToken(), 0u);
    return holder;
  }

  std::unique_ptr<WaitCall> StartNext() {
    auto next =
        std::make_unique<WaitCall>(*client_, AcquireArgs{.key = "k", .lease_id = Id("next")});
    EXPECT_TRUE(next->AwaitQueued());
    return next;
  }

  // A session of the test's own process that holds "k".
  std::unique_ptr<SessionStream> StartSession() {
    auto session = std::make_unique<SessionStream>(client_->channel(), kSession, 1);
    session->Attach();
    const v1::Event granted = session->Await(session->Acquire(
        {.key = "k", .lease_id = Id("holder"), .expire = hours(1), .bound = true}));
    EXPECT_TRUE(granted.has_granted()) << granted.DebugString();
    session->Acknowledge();
    session->Await(session->RenewAll());
    return session;
  }

  ServerProcess server_{{.flags = {"--listen=127.0.0.1:0"}}};
  std::unique_ptr<StubClient> client_;
};

TEST_F(BoundLeasesTest, KilledHoldersLockGoesToTheNextAtOnce) {
  const auto holder = StartHolder(server_.address());
  const auto next = StartNext();
  holder->Kill9();
  EXPECT_TRUE(next->AwaitGranted());
  EXPECT_EQ(client_->Renew("k", Id("holder")).status.reason, "LEASE_ENDED");
}

TEST_F(BoundLeasesTest, OverTcpItGoesThereAfterItsExpireAndNoEarlier) {
  const Stopwatch since_before_grant;
  const auto holder = StartHolder(server_.TcpAddress(), "2000");
  const auto next = StartNext();
  holder->Kill9();
  EXPECT_TRUE(next->AwaitGranted());
  EXPECT_GE(since_before_grant.Elapsed(), milliseconds(2000));
  EXPECT_EQ(client_->Renew("k", Id("holder")).status.reason, "LEASE_EXPIRED");
}

TEST_F(BoundLeasesTest, StoppedHolderKeepsItsLock) {
  const auto holder = StartHolder(server_.address());
  const auto next = StartNext();
  holder->Stop();
  LetPass(kLongEnough);
  EXPECT_FALSE(next->granted());
  // Even one that is stopped can be killed.
  holder->Kill9();
  EXPECT_TRUE(next->AwaitGranted());
}

TEST_F(BoundLeasesTest, AForkedChildThatHasTheSocketDelaysTheEnd) {
  const auto holder = StartHolder(server_.address());
  const auto next = StartNext();
  holder->WriteLine("fork");
  const std::string forked = holder->ReadLine();
  ASSERT_TRUE(forked.starts_with("forked ")) << forked;
  const pid_t child = std::stoi(forked.substr(7));
  holder->Kill9();
  LetPass(kLongEnough);
  EXPECT_FALSE(next->granted());
  kill(child, SIGKILL);
  EXPECT_TRUE(next->AwaitGranted());
}

TEST_F(BoundLeasesTest, SurvivesACrashOfTheServerAndIsAdoptedAgain) {
  const auto broken = StartSession();
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_FALSE(broken->End().ok());
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);

  StubClient other(server_.address());
  auto session = std::make_unique<SessionStream>(other.channel(), kSession, 2);
  EXPECT_FALSE(session->Attach({{.key = "k", .lease_id = Id("holder")}}).resumed());
  EXPECT_EQ(session->Await(session->RenewAll()).renewed_all().leases(), 1u);
  const auto next = StartNext();
  EXPECT_FALSE(next->granted());
  session.reset();
  EXPECT_TRUE(next->AwaitGranted()) << "it is as bound as it was";
}

TEST_F(BoundLeasesTest, OutlivesAServerThatStops) {
  const auto session = StartSession();
  EXPECT_EQ(server_.Terminate(kWaitLimit), (ExitStatus{.code = 0}));
  EXPECT_EQ(session->End().reason, "SERVER_STOPPING");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);
}

TEST_F(BoundLeasesTest, OutlivesAStreamThatTheServerHasEnded) {
  const auto session = StartSession();
  const auto next = StartNext();
  v1::SessionRequest request;
  request.add_operations();
  session->Send(request);
  EXPECT_EQ(session->End().reason, "INVALID_FIELD");
  LetPass(kLongEnough);
  EXPECT_FALSE(next->granted());
}

// Larger than what gRPC itself takes, so that it is gRPC that ends the stream.
TEST_F(BoundLeasesTest, OutlivesAStreamThatGrpcHasEnded) {
  const auto session = StartSession();
  const auto next = StartNext();
  v1::Operation operation = session->NewOperation();
  operation.mutable_release()->set_key(std::string(3 << 20, 'k'));
  session->Send(operation);
  EXPECT_EQ(session->End().code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  LetPass(kLongEnough);
  EXPECT_FALSE(next->granted());
}

// What its client has sent before it died is read first, however long the server was
// stopped meanwhile.
TEST_F(BoundLeasesTest, AServerThatWasStoppedLearnsOfTheDeathWhenItGoesOn) {
  const auto holder = StartHolder(server_.address());
  const auto next = StartNext();
  server_.Signal(SIGSTOP);
  holder->Kill9();
  LetPass(kLongEnough);
  server_.Signal(SIGCONT);
  EXPECT_TRUE(next->AwaitGranted());
}

}  // namespace
}  // namespace holdfast
