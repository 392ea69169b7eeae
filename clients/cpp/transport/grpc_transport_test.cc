// The transport against a gRPC server in this process that does as it is told.

#include "clients/cpp/transport/grpc_transport.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/core/rendezvous.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

// Each call runs the function of its kind.
class PlayedService final : public v1::LockService::Service {
 public:
  using Stream = grpc::ServerWriter<v1::WaitEvent>;

  grpc::Status Wait(grpc::ServerContext* context, const v1::AcquireRequest* request,
                    Stream* stream) override {
    return on_wait(*context, *request, *stream);
  }
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::RenewResponse* response) override {
    return on_renew(*context, *request, *response);
  }
  grpc::Status Release(grpc::ServerContext*, const v1::ReleaseRequest* request,
                       v1::ReleaseResponse*) override {
    return on_release(*request);
  }

  std::function<grpc::Status(grpc::ServerContext&, const v1::AcquireRequest&, Stream&)> on_wait;
  std::function<grpc::Status(grpc::ServerContext&, const v1::RenewRequest&, v1::RenewResponse&)>
      on_renew;
  std::function<grpc::Status(const v1::ReleaseRequest&)> on_release;
};

v1::WaitEvent QueuedEvent(std::uint32_t position, const std::string& holder) {
  v1::WaitEvent event;
  event.mutable_queued()->set_position(position);
  event.mutable_queued()->add_holders()->set_owner(holder);
  return event;
}

v1::WaitEvent GrantedEvent(std::uint64_t token) {
  v1::WaitEvent event;
  v1::Lease& lease = *event.mutable_granted()->mutable_lease();
  lease.set_fencing_token(token);
  lease.mutable_remaining()->set_seconds(30);
  lease.mutable_elapsed()->set_nanos(5'000'000);
  return event;
}

// Until the client cancels the call.
void HangUntilCancelled(const grpc::ServerContext& context) {
  while (!context.IsCancelled()) std::this_thread::sleep_for(1ms);
}

class GrpcTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    transport_ = *GrpcTransport::Create(address_);
  }

  void TearDown() override {
    transport_ = nullptr;
    if (server_ != nullptr) server_->Shutdown();
  }

  // Starts a wait whose end comes to end_.
  std::shared_ptr<LockTransport::WaitCall> Wait() {
    LockTransport::WaitEvents events;
    events.on_queued = [this](QueueInfo info) { queued_.push_back(std::move(info)); };
    events.on_end = [this](absl::StatusOr<Grant> end) { end_.Set(std::move(end)); };
    return transport_->Wait({.key = "k", .lease_id = "id", .expire = 30s, .owner = "me"},
                            std::move(events));
  }

  PlayedService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::unique_ptr<GrpcTransport> transport_;
  std::vector<QueueInfo> queued_;  // Complete when end_ is set.
  Rendezvous<absl::StatusOr<Grant>> end_;
};

TEST_F(GrpcTransportTest, WaitBringsPlacesAndThenTheGrant) {
  service_.on_wait = [](auto&, const v1::AcquireRequest& request, auto& stream) {
    EXPECT_EQ(request.key(), "k");
    EXPECT_EQ(request.lease_id(), "id");
    stream.Write(QueuedEvent(2, "first"));
    stream.Write(QueuedEvent(1, "second"));
    stream.Write(GrantedEvent(42));
    return grpc::Status::OK;
  };
  Wait();
  const absl::StatusOr<Grant> grant = end_.Wait();
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(grant->fencing_token, 42U);
  EXPECT_EQ(grant->remaining, 30s);
  EXPECT_EQ(grant->elapsed, 5ms);
  ASSERT_EQ(queued_.size(), 2U);
  EXPECT_EQ(queued_[0].position, 2U);
  EXPECT_EQ(queued_[1].holders.at(0).owner, "second");
}

TEST_F(GrpcTransportTest, GrantIsNotHeldUpByTheEndOfTheStream) {
  service_.on_wait = [](grpc::ServerContext& context, auto&, auto& stream) {
    stream.Write(GrantedEvent(42));
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  const auto call = Wait();
  EXPECT_TRUE(end_.Wait().ok());
  call->Cancel();
}

TEST_F(GrpcTransportTest, StreamThatEndsWithoutAGrantIsUnavailable) {
  service_.on_wait = [](auto&, auto&, auto& stream) {
    stream.Write(QueuedEvent(1, "somebody"));
    return grpc::Status::OK;
  };
  Wait();
  EXPECT_TRUE(absl::IsUnavailable(end_.Wait().status()));
}

TEST_F(GrpcTransportTest, RefusalIsPassedOn) {
  service_.on_wait = [](auto&, auto&, auto&) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "key is too long");
  };
  Wait();
  EXPECT_EQ(end_.Wait().status(), absl::InvalidArgumentError("key is too long"));
}

TEST_F(GrpcTransportTest, CancelEndsTheCallOnTheServer) {
  Rendezvous<bool> waiting;
  Rendezvous<bool> cancelled;
  service_.on_wait = [&](grpc::ServerContext& context, auto&, auto&) {
    waiting.Set(true);
    HangUntilCancelled(context);
    cancelled.Set(true);
    return grpc::Status::CANCELLED;
  };
  const auto call = Wait();
  waiting.Wait();
  call->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait().status()));
  EXPECT_TRUE(cancelled.Wait());
}

TEST_F(GrpcTransportTest, ShortCallEndsAtItsLimit) {
  service_.on_renew = [](grpc::ServerContext& context, auto&, auto&) {
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Rendezvous<absl::StatusOr<Grant>> answer;
  transport_->Renew("k", "id", 50ms, [&](absl::StatusOr<Grant> a) { answer.Set(std::move(a)); });
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.Wait().status()));
}

TEST_F(GrpcTransportTest, RenewIsNotHeldUpByWaits) {
  service_.on_wait = [](grpc::ServerContext& context, auto&, auto&) {
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  service_.on_renew = [](grpc::ServerContext& context, auto&, v1::RenewResponse& response) {
    EXPECT_THAT(context.peer(), testing::Not(testing::IsEmpty()));
    response.mutable_lease()->set_fencing_token(42);
    return grpc::Status::OK;
  };
  Wait();
  Rendezvous<absl::StatusOr<Grant>> answer;
  transport_->Renew("k", "id", 10s, [&](absl::StatusOr<Grant> a) { answer.Set(std::move(a)); });
  EXPECT_EQ(answer.Wait()->fencing_token, 42U);
  transport_->Shutdown();
}

TEST_F(GrpcTransportTest, WaitsAndShortCallsHaveConnectionsOfTheirOwn) {
  Rendezvous<std::string> wait_peer;
  Rendezvous<std::string> renew_peer;
  service_.on_wait = [&](grpc::ServerContext& context, auto&, auto& stream) {
    wait_peer.Set(context.peer());
    stream.Write(GrantedEvent(1));
    return grpc::Status::OK;
  };
  service_.on_renew = [&](grpc::ServerContext& context, auto&, auto&) {
    renew_peer.Set(context.peer());
    return grpc::Status::OK;
  };
  Wait();
  EXPECT_TRUE(end_.Wait().ok());
  Rendezvous<bool> renewed;
  transport_->Renew("k", "id", 10s, [&](const absl::StatusOr<Grant>&) { renewed.Set(true); });
  renewed.Wait();
  EXPECT_NE(wait_peer.Wait(), renew_peer.Wait());
}

TEST_F(GrpcTransportTest, ServerThatGoesAwayBreaksTheWait) {
  Rendezvous<bool> waiting;
  service_.on_wait = [&](grpc::ServerContext& context, auto&, auto&) {
    waiting.Set(true);
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Wait();
  waiting.Wait();
  server_->Shutdown(gpr_time_from_millis(0, GPR_TIMESPAN));
  const absl::Status status = end_.Wait().status();
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsCancelled(status)) << status;
}

TEST_F(GrpcTransportTest, ShutdownEndsWhatIsUnderWayAndWhatComesAfter) {
  service_.on_wait = [](grpc::ServerContext& context, auto&, auto&) {
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Wait();
  transport_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait().status()));

  std::optional<absl::Status> late;
  transport_->Release("k", "id", 10s, [&](absl::Status status) { late = std::move(status); });
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(absl::IsCancelled(*late));
  LockTransport::WaitEvents events;
  std::optional<absl::Status> late_wait;
  events.on_end = [&](const absl::StatusOr<Grant>& end) { late_wait = end.status(); };
  transport_->Wait({.key = "k"}, std::move(events));
  EXPECT_TRUE(absl::IsCancelled(*late_wait));
}

TEST_F(GrpcTransportTest, ShutdownDoesNotWaitForTheLimitOfAShortCall) {
  Rendezvous<bool> renewing;
  service_.on_renew = [&](grpc::ServerContext& context, auto&, auto&) {
    renewing.Set(true);
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Rendezvous<absl::StatusOr<Grant>> answer;
  transport_->Renew("k", "id", 10min, [&](absl::StatusOr<Grant> a) { answer.Set(std::move(a)); });
  renewing.Wait();
  transport_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
}

TEST_F(GrpcTransportTest, ProxyForWebPagesIsNotUsed) {
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) {
    ASSERT_EQ(setenv(name, "http://127.0.0.1:1", /*overwrite=*/1), 0);
  }
  service_.on_release = [](auto&) { return grpc::Status::OK; };
  const auto transport = *GrpcTransport::Create(address_);
  Rendezvous<absl::Status> answer;
  transport->Release("k", "id", 10s, [&](absl::Status status) { answer.Set(std::move(status)); });
  EXPECT_EQ(answer.Wait(), absl::OkStatus());
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) unsetenv(name);
}

TEST(GrpcTransportAddressTest, NoServerIsUnavailableSoon) {
  const auto transport = *GrpcTransport::Create("unix:/tmp/no-such-holdfast.sock");
  Rendezvous<absl::Status> answer;
  transport->Release("k", "id", 10s, [&](absl::Status status) { answer.Set(std::move(status)); });
  EXPECT_TRUE(absl::IsUnavailable(answer.Wait()));
  EXPECT_TRUE(absl::IsInvalidArgument(GrpcTransport::Create("nowhere").status()));
}

}  // namespace
}  // namespace holdfast::core
