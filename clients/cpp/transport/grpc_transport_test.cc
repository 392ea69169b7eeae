// The transport against a gRPC server in this process that does as it is told.

#include "clients/cpp/transport/grpc_transport.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

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

class GrpcTransportTest : public testing::Test {
 protected:
  // Starts a wait whose end comes to end_.
  std::shared_ptr<LockTransport::WaitCall> Wait() {
    LockTransport::WaitEvents events;
    events.on_queued = [this](QueueInfo info) { queued_.push_back(std::move(info)); };
    events.on_end = [this](absl::StatusOr<Grant> end) { end_.Set(std::move(end)); };
    return transport_->Wait({.key = "k", .lease_id = "id", .expire = 30s, .owner = "me"},
                            std::move(events));
  }

  PlayedServer server_;
  PlayedLockService& service_ = server_.locks;
  std::vector<QueueInfo> queued_;  // Complete when end_ is set.
  Handover<absl::StatusOr<Grant>> end_;
  std::unique_ptr<GrpcTransport> transport_ = *GrpcTransport::Create(server_.address());
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

TEST_F(GrpcTransportTest, NothingComesAfterTheGrant) {
  service_.on_wait = [](auto&, auto&, auto& stream) {
    stream.Write(GrantedEvent(42));
    // A server that is out of order.
    stream.Write(QueuedEvent(1, "somebody"));
    stream.Write(GrantedEvent(43));
    return grpc::Status(grpc::StatusCode::INTERNAL, "");
  };
  Wait();
  EXPECT_EQ(end_.Wait()->fencing_token, 42U);
  // The call has ended when its connection has been given up.
  transport_ = nullptr;
  EXPECT_TRUE(queued_.empty());
}

TEST_F(GrpcTransportTest, WaitLastsForAsLongAsItMust) {
  service_.on_wait = [](grpc::ServerContext& context, auto&, auto&) {
    EXPECT_EQ(context.deadline(), std::chrono::system_clock::time_point::max());
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
  Handover<bool> waiting;
  Handover<bool> cancelled;
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

TEST_F(GrpcTransportTest, WaitThatFailsAtOnceEndsOnce) {
  // Often, because it may have ended before it has been started in full.
  server_.Shutdown();
  for (int i = 0; i < 1'000; ++i) {
    std::atomic<int> ends{0};
    Handover<absl::Status> end;
    LockTransport::WaitEvents events;
    events.on_end = [&](const absl::StatusOr<Grant>& grant) {
      ++ends;
      end.Set(grant.status());
    };
    transport_->Wait({.key = "k"}, std::move(events));
    ASSERT_TRUE(absl::IsUnavailable(end.Wait())) << i;
    EXPECT_EQ(ends, 1);
  }
}

TEST_F(GrpcTransportTest, ShortCallEndsAtItsLimit) {
  service_.on_renew = [](grpc::ServerContext& context, auto&, auto&) {
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Handover<absl::StatusOr<Grant>> answer;
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
  Handover<absl::StatusOr<Grant>> answer;
  transport_->Renew("k", "id", 10s, [&](absl::StatusOr<Grant> a) { answer.Set(std::move(a)); });
  EXPECT_EQ(answer.Wait()->fencing_token, 42U);
  transport_->Shutdown();
}

TEST_F(GrpcTransportTest, WaitsAndShortCallsHaveConnectionsOfTheirOwn) {
  Handover<std::string> wait_peer;
  Handover<std::string> renew_peer;
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
  Handover<bool> renewed;
  transport_->Renew("k", "id", 10s, [&](const absl::StatusOr<Grant>&) { renewed.Set(true); });
  renewed.Wait();
  EXPECT_NE(wait_peer.Wait(), renew_peer.Wait());
}

TEST_F(GrpcTransportTest, ServerThatGoesAwayBreaksTheWait) {
  Handover<bool> waiting;
  service_.on_wait = [&](grpc::ServerContext& context, auto&, auto&) {
    waiting.Set(true);
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Wait();
  waiting.Wait();
  server_.Shutdown();
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
  Handover<bool> renewing;
  service_.on_renew = [&](grpc::ServerContext& context, auto&, auto&) {
    renewing.Set(true);
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Handover<absl::StatusOr<Grant>> answer;
  transport_->Renew("k", "id", 10min, [&](absl::StatusOr<Grant> a) { answer.Set(std::move(a)); });
  renewing.Wait();
  transport_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
}

TEST_F(GrpcTransportTest, EndOfTheTransportEndsItsCallsFirst) {
  Handover<bool> waiting;
  service_.on_wait = [&](grpc::ServerContext& context, auto&, auto&) {
    waiting.Set(true);
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  auto call = Wait();
  waiting.Wait();
  call = nullptr;
  transport_ = nullptr;
  const auto end = end_.WaitFor(0s);
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(absl::IsCancelled(end->status()));
}

TEST_F(GrpcTransportTest, ProxyForWebPagesIsNotUsed) {
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) {
    ASSERT_EQ(setenv(name, "http://127.0.0.1:1", /*overwrite=*/1), 0);
  }
  service_.on_release = [](auto&, auto&, auto&) { return grpc::Status::OK; };
  const auto transport = *GrpcTransport::Create(server_.address());
  Handover<absl::Status> answer;
  transport->Release("k", "id", 10s, [&](absl::Status status) { answer.Set(std::move(status)); });
  EXPECT_EQ(answer.Wait(), absl::OkStatus());
  for (const char* name : {"grpc_proxy", "http_proxy", "https_proxy"}) unsetenv(name);
}

TEST(GrpcTransportAddressTest, NoServerIsUnavailableSoon) {
  const auto transport = *GrpcTransport::Create("unix:/tmp/no-such-holdfast.sock");
  Handover<absl::Status> answer;
  transport->Release("k", "id", 10s, [&](absl::Status status) { answer.Set(std::move(status)); });
  EXPECT_TRUE(absl::IsUnavailable(answer.Wait()));
  EXPECT_TRUE(absl::IsInvalidArgument(GrpcTransport::Create("nowhere").status()));
}

}  // namespace
}  // namespace holdfast::core
