// What the tests of sessions share: a server, and streams to it.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_TESTING_SESSION_FIXTURE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_TESTING_SESSION_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "services/lock/rpc/testing/manual_clock.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"

namespace holdfast {

class SessionTest : public testing::Test {
 protected:
  static constexpr char kSession[] = "session-0123456789";

  void StartServer(const TestServer::Options& options = TestServer::Options()) {
    server_ = std::make_unique<TestServer>(options);
    client_ = std::make_unique<StubClient>(server_->address());
  }

  // On a connection of its own, and not attached yet.
  std::unique_ptr<SessionStream> NewStream(std::uint64_t number = 1,
                                           const std::string& session = kSession) {
    return std::make_unique<SessionStream>(server_->NewChannel(), session, number);
  }

  std::unique_ptr<SessionStream> Attached(std::uint64_t number = 1,
                                          const std::string& session = kSession) {
    auto stream = NewStream(number, session);
    stream->Attach();
    return stream;
  }

  ManualClock clock_;  // Used by those who ask for it.
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<StubClient> client_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_TESTING_SESSION_FIXTURE_H_
