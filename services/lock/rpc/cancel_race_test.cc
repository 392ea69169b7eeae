// A grant that meets a cancel.
//
// The two may pass each other on the wire: then the server has delivered a grant
// that its client threw away, and nobody but that client can know. So a client
// that has cancelled releases its lease_id. Whatever happened, nothing is left
// then. Each round lets the two happen at about the same time, a little earlier
// or later from round to round.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/testing/test_server.h"

namespace holdfast {
namespace {

constexpr int kRounds = 300;

std::string Id(const std::string& name, int round) {
  return name + "-0123456789abcdef-" + std::to_string(round);
}

v1::AcquireRequest Request(const std::string& lease_id, std::chrono::seconds timeout) {
  v1::AcquireRequest request;
  request.set_key("k");
  request.set_lease_id(lease_id);
  request.mutable_timeout()->set_seconds(timeout.count());
  return request;
}

class CancelRaceTest : public testing::Test {
 protected:
  CancelRaceTest()
      : server_({.limits = {.reattach_window = std::chrono::milliseconds(1)}}),
        stub_(v1::LockService::NewStub(server_.NewChannel())) {}

  grpc::Status Acquire(grpc::ClientContext& context, const std::string& lease_id) {
    v1::AcquireResponse response;
    return stub_->Acquire(&context, Request(lease_id, std::chrono::seconds(30)), &response);
  }

  void Release(const std::string& lease_id) {
    grpc::ClientContext context;
    v1::ReleaseRequest request;
    request.set_key("k");
    request.set_lease_id(lease_id);
    v1::ReleaseResponse response;
    stub_->Release(&context, request, &response);
  }

  // Lets `contender` wait behind a holder, and calls `cancel` while the holder
  // releases. Returns what `contender` returned: whether it was granted.
  template <typename Contend, typename Cancel>
  bool Race(int round, Contend contend, Cancel cancel) {
    const std::string holder = Id("holder", round);
    grpc::ClientContext context;
    EXPECT_TRUE(Acquire(context, holder).ok());
    bool granted = false;
    std::thread contender([&] { granted = contend(); });
    while (server_.engine().stats().waiters == 0) std::this_thread::yield();
    std::atomic<bool> go{false};
    std::thread canceller([&] {
      while (!go) {
      }
      for (int spin = 0; spin < round * 20; ++spin) go.load();
      cancel();
    });
    go = true;
    Release(holder);
    canceller.join();
    contender.join();
    return granted;
  }

  // The lock can be taken by whoever comes next, and nothing is left behind.
  void ExpectFree(int round) {
    grpc::ClientContext context;
    ASSERT_TRUE(Acquire(context, Id("next", round)).ok());
    Release(Id("next", round));
    EXPECT_EQ(server_.engine().stats().leases, 0u);
  }

  TestServer server_;
  const std::unique_ptr<v1::LockService::Stub> stub_;
};

TEST_F(CancelRaceTest, ReleaseCleansUpAfterAUnaryCall) {
  int delivered = 0;
  for (int round = 0; round < kRounds; ++round) {
    grpc::ClientContext context;
    const std::string lease_id = Id("contender", round);
    const bool granted = Race(
        round, [&] { return Acquire(context, lease_id).ok(); }, [&] { context.TryCancel(); });
    if (granted) ++delivered;
    Release(lease_id);
    ASSERT_NO_FATAL_FAILURE(ExpectFree(round));
  }
  RecordProperty("delivered", delivered);
}

TEST_F(CancelRaceTest, ReleaseCleansUpAfterAStream) {
  int delivered = 0;
  for (int round = 0; round < kRounds; ++round) {
    grpc::ClientContext context;
    const std::string lease_id = Id("contender", round);
    const auto wait = [&] {
      const auto reader = stub_->Wait(&context, Request(lease_id, std::chrono::seconds(30)));
      v1::WaitEvent event;
      while (reader->Read(&event)) {
        if (event.has_granted()) return true;
      }
      return false;
    };
    const bool granted = Race(round, wait, [&] { context.TryCancel(); });
    if (granted) ++delivered;
    Release(lease_id);
    ASSERT_NO_FATAL_FAILURE(ExpectFree(round));
  }
  RecordProperty("delivered", delivered);
}

// The whole connection goes, with calls in every state.
TEST_F(CancelRaceTest, ALostConnectionLeavesNothingBehind) {
  {
    const auto doomed = v1::LockService::NewStub(server_.NewChannel());
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::thread> callers;
    for (int i = 0; i < 20; ++i) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      callers.emplace_back([&doomed, &context = *contexts.back(), i] {
        v1::AcquireResponse response;
        doomed->Acquire(&context, Request(Id("doomed", i), std::chrono::seconds(30)), &response);
      });
    }
    while (server_.engine().stats().waiters < 19) std::this_thread::yield();
    for (const auto& context : contexts) context->TryCancel();
    for (std::thread& caller : callers) caller.join();
  }
  // One of them was granted the lock at once, and told so.
  for (int i = 0; i < 20; ++i) Release(Id("doomed", i));
  ExpectFree(0);
  EXPECT_EQ(server_.engine().stats().waiters, 0u);
  EXPECT_EQ(server_.engine().stats().open_calls, 0u);
}

}  // namespace
}  // namespace holdfast
