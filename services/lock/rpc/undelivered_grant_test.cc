// A grant whose caller has gone before it could be sent: it is kept for the
// re-attach window and then passed on. Both kinds of call that can be granted a
// lock, with the cancel on its way to the server before the grant is.

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/engine/testing/gate_store.h"
#include "services/lock/rpc/testing/raw_call.h"
#include "services/lock/rpc/testing/test_server.h"

namespace holdfast {
namespace {

constexpr char kHolder[] = "holder-0123456789abcdef";
constexpr char kCaller[] = "caller-0123456789abcdef";
constexpr char kNext[] = "next-0123456789abcdef";

v1::AcquireRequest Request(const std::string& lease_id) {
  v1::AcquireRequest request;
  request.set_key("k");
  request.set_lease_id(lease_id);
  request.mutable_timeout()->set_seconds(60);
  return request;
}

// The parameter: whether the caller waits by Wait, and not by Acquire.
class UndeliveredGrantTest : public testing::TestWithParam<bool> {
 protected:
  void StartServer(Duration reattach_window) {
    server_ = std::make_unique<TestServer>(
        TestServer::Options{.limits = {.reattach_window = reattach_window}, .load = false});
    server_->Load(std::make_unique<GateStore>(gate_));
    channel_ = server_->NewChannel();
    stub_ = v1::LockService::NewStub(channel_);
  }

  // The token, or 0.
  std::uint64_t Acquire(grpc::ClientContext& context, const std::string& lease_id) {
    v1::AcquireResponse response;
    stub_->Acquire(&context, Request(lease_id), &response);
    return response.lease().fencing_token();
  }

  std::uint64_t Wait(grpc::ClientContext& context, const std::string& lease_id) {
    const auto reader = stub_->Wait(&context, Request(lease_id));
    v1::WaitEvent event;
    while (reader->Read(&event)) {
      if (event.has_granted()) return event.granted().lease().fencing_token();
    }
    return 0;
  }

  // Grants the lock to kCaller, whose call has been cancelled while the grant was
  // on its way to the disk.
  void GrantToWhoHasGone() {
    grpc::ClientContext holding;
    ASSERT_GT(Acquire(holding, kHolder), 0u);
    grpc::ClientContext context;
    std::future<std::uint64_t> token = std::async(std::launch::async, [&] {
      return GetParam() ? Wait(context, kCaller) : Acquire(context, kCaller);
    });
    while (server_->engine().stats().waiters == 0) std::this_thread::yield();

    gate_.Close();
    std::future<void> released = std::async(std::launch::async, [&] { Release(kHolder); });
    gate_.AwaitArrival();
    context.TryCancel();
    EXPECT_EQ(token.get(), 0u);
    // On the same connection, and answered without the engine: by then the server
    // has seen the cancel.
    const auto health = RawCall(channel_, "/grpc.health.v1.Health/Check", "");
    EXPECT_TRUE(health.status.ok());
    gate_.Open();
    released.get();
  }

  void Release(const std::string& lease_id) {
    grpc::ClientContext context;
    v1::ReleaseRequest request;
    request.set_key("k");
    request.set_lease_id(lease_id);
    v1::ReleaseResponse response;
    EXPECT_TRUE(stub_->Release(&context, request, &response).ok());
  }

  StoreGate gate_;
  std::unique_ptr<TestServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::LockService::Stub> stub_;
};

INSTANTIATE_TEST_SUITE_P(Methods, UndeliveredGrantTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "Wait" : "Acquire"; });

TEST_P(UndeliveredGrantTest, GoesToTheNextAfterTheWindow) {
  StartServer(std::chrono::milliseconds(1));
  ASSERT_NO_FATAL_FAILURE(GrantToWhoHasGone());
  grpc::ClientContext context;
  EXPECT_GT(Acquire(context, kNext), 0u);
}

TEST_P(UndeliveredGrantTest, IsKeptForItsCallerWithinTheWindow) {
  StartServer(std::chrono::hours(1));
  ASSERT_NO_FATAL_FAILURE(GrantToWhoHasGone());
  grpc::ClientContext context;
  const std::uint64_t token = GetParam() ? Wait(context, kCaller) : Acquire(context, kCaller);
  EXPECT_GT(token, 0u);
  Release(kCaller);
  grpc::ClientContext next;
  EXPECT_GT(Acquire(next, kNext), token);
}

}  // namespace
}  // namespace holdfast
