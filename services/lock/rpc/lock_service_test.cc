// Each method from the stub to the engine and back. What the answers mean is the
// engine's affair; here it is that they arrive.

#include "services/lock/rpc/lock_service.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/eventually.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;

v1::AcquireRequest Request(const std::string& key, const std::string& name) {
  v1::AcquireRequest request;
  request.set_key(key);
  request.set_lease_id(Id(name));
  request.set_owner(name);
  request.mutable_expire()->set_seconds(60);
  return request;
}

class LockServiceTest : public testing::Test {
 protected:
  void StartServer(const TestServer::Options& options) {
    server_ = std::make_unique<TestServer>(options);
    stub_ = v1::LockService::NewStub(server_->NewChannel());
  }
  void StartServer() { StartServer(TestServer::Options()); }

  grpc::Status Acquire(const v1::AcquireRequest& request, v1::AcquireResponse* response) {
    grpc::ClientContext context;
    return stub_->Acquire(&context, request, response);
  }
  grpc::Status Acquire(const v1::AcquireRequest& request) {
    v1::AcquireResponse response;
    return Acquire(request, &response);
  }

  grpc::Status Release(const std::string& key, const std::string& name) {
    grpc::ClientContext context;
    v1::ReleaseRequest request;
    request.set_key(key);
    request.set_lease_id(Id(name));
    v1::ReleaseResponse response;
    return stub_->Release(&context, request, &response);
  }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<v1::LockService::Stub> stub_;
};

TEST_F(LockServiceTest, AnAcquireThatIsCancelledParksItsWaiter) {
  StartServer();
  ASSERT_TRUE(Acquire(Request("k", "a")).ok());
  const auto waits = [this](bool parked) {
    grpc::ClientContext context;
    v1::GetRequest request;
    request.set_key("k");
    v1::GetResponse response;
    EXPECT_TRUE(stub_->Get(&context, request, &response).ok());
    const auto& waiters = response.lock().waiters();
    return waiters.size() == 1 && waiters[0].parked() == parked;
  };
  v1::AcquireRequest request = Request("k", "b");
  request.mutable_timeout()->set_seconds(3'600);
  grpc::ClientContext context;
  std::jthread caller([&] {
    v1::AcquireResponse response;
    EXPECT_EQ(stub_->Acquire(&context, request, &response).error_code(), StatusCode::CANCELLED);
  });
  EXPECT_TRUE(Eventually([&] { return waits(/*parked=*/false); }));
  context.TryCancel();
  EXPECT_TRUE(Eventually([&] { return waits(/*parked=*/true); }));
}

TEST_F(LockServiceTest, AcquireGivesTheLeaseAndReleaseEndsIt) {
  StartServer();
  v1::AcquireRequest request = Request("k", "a");
  request.add_tags("z");
  request.add_tags("b");
  v1::AcquireResponse response;
  ASSERT_TRUE(Acquire(request, &response).ok());
  EXPECT_EQ(response.lease().key(), "k");
  EXPECT_EQ(response.lease().lease_id(), Id("a"));
  EXPECT_EQ(response.lease().owner(), "a");
  EXPECT_THAT(response.lease().tags(), ElementsAre("b", "z"));
  EXPECT_GT(response.lease().fencing_token(), 0u);
  EXPECT_EQ(response.lease().expire().seconds(), 60);

  const grpc::Status held = Acquire(Request("k", "b"));
  EXPECT_EQ(held.error_code(), StatusCode::ABORTED);
  EXPECT_EQ(Decode(held).reason, "LOCK_HELD");

  EXPECT_TRUE(Release("k", "a").ok());
  EXPECT_TRUE(Acquire(Request("k", "b")).ok());
}

TEST_F(LockServiceTest, AcquireWithATimeoutWaitsForSoLong) {
  StartServer();
  ASSERT_TRUE(Acquire(Request("k", "a")).ok());
  v1::AcquireRequest request = Request("k", "b");
  request.mutable_timeout()->set_nanos(20'000'000);
  const grpc::Status status = Acquire(request);
  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Decode(status).reason, "WAIT_TIMEOUT");
}

TEST_F(LockServiceTest, ReleaseRefusesAnUnknownLease) {
  StartServer();
  const grpc::Status status = Release("k", "nobody");
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Decode(status).reason, "LEASE_NOT_FOUND");
}

TEST_F(LockServiceTest, RenewChangesTheLease) {
  StartServer();
  ASSERT_TRUE(Acquire(Request("k", "a")).ok());
  grpc::ClientContext context;
  v1::RenewRequest request;
  request.set_key("k");
  request.set_lease_id(Id("a"));
  request.mutable_expire()->set_seconds(90);
  v1::RenewResponse response;
  ASSERT_TRUE(stub_->Renew(&context, request, &response).ok());
  EXPECT_EQ(response.lease().expire().seconds(), 90);
  EXPECT_EQ(response.lease().lease_id(), Id("a"));
}

TEST_F(LockServiceTest, GetShowsTheHolderWithoutItsLeaseId) {
  StartServer();
  ASSERT_TRUE(Acquire(Request("k", "a")).ok());
  grpc::ClientContext context;
  v1::GetRequest request;
  request.set_key("k");
  v1::GetResponse response;
  ASSERT_TRUE(stub_->Get(&context, request, &response).ok());
  EXPECT_EQ(response.lock().key(), "k");
  ASSERT_EQ(response.lock().holders_size(), 1);
  EXPECT_EQ(response.lock().holders(0).owner(), "a");
  EXPECT_EQ(response.SerializeAsString().find(Id("a")), std::string::npos);
}

TEST_F(LockServiceTest, ListGoesThroughAllPages) {
  StartServer();
  for (const char* key : {"a/1", "a/2", "a/3", "b/1"}) {
    ASSERT_TRUE(Acquire(Request(key, std::string("id.") + key[0] + key[2])).ok());
  }
  v1::ListRequest request;
  request.mutable_filter()->set_key_prefix("a/");
  request.set_page_size(2);
  std::vector<std::string> keys;
  do {
    grpc::ClientContext context;
    v1::ListResponse response;
    ASSERT_TRUE(stub_->List(&context, request, &response).ok());
    for (const v1::Lock& lock : response.locks()) keys.push_back(lock.key());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(keys, ElementsAre("a/1", "a/2", "a/3"));
}

TEST_F(LockServiceTest, InvalidFieldsDoNotReachTheEngine) {
  StartServer();
  v1::AcquireRequest request = Request("k", "a");
  request.add_tags("t");
  request.add_tags("t");
  const grpc::Status status = Acquire(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Decode(status).reason, "INVALID_FIELD");
  EXPECT_EQ(server_->engine().stats().leases, 0u);
}

TEST_F(LockServiceTest, RefusesEverythingUntilItHasLoaded) {
  StartServer({.load = false});
  const grpc::Status status = Acquire(Request("k", "a"));
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Decode(status).reason, "SERVER_STARTING");
  server_->Load();
  EXPECT_TRUE(Acquire(Request("k", "a")).ok());
}

TEST_F(LockServiceTest, RefusesEverythingOnceItDrains) {
  StartServer();
  ASSERT_TRUE(Acquire(Request("k", "a")).ok());
  server_->engine().Drain();
  const grpc::Status status = Release("k", "a");
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Decode(status).reason, "SERVER_STOPPING");
}

}  // namespace
}  // namespace holdfast
