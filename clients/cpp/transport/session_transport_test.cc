// SessionTransport with a server that knows no sessions. With one that does it is tested by
// clients/cpp/session_client_test.cc.

#include "clients/cpp/transport/session_transport.h"

#include <chrono>
#include <memory>
#include <utility>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

class SessionTransportTest : public testing::Test {
 protected:
  PlayedServer server_;
  std::unique_ptr<SessionTransport> transport_ =
      *SessionTransport::Create(server_.address(), "session-0123456789");
};

TEST_F(SessionTransportTest, FallsBackToCallsWhereThereAreNoSessions) {
  server_.locks.on_wait = [](auto&, const v1::AcquireRequest& request, auto& stream) {
    EXPECT_EQ(request.key(), "k");
    v1::WaitEvent queued;
    queued.mutable_queued()->set_position(3);
    stream.Write(queued);
    v1::WaitEvent granted;
    granted.mutable_granted()->mutable_lease()->set_fencing_token(42);
    stream.Write(granted);
    return grpc::Status::OK;
  };
  server_.locks.on_renew = [](auto&, auto&, v1::RenewResponse& response) {
    response.mutable_lease()->set_fencing_token(43);
    return grpc::Status::OK;
  };
  server_.locks.on_release = [](auto&, auto&, auto&) { return grpc::Status::OK; };
  // The first one finds out; for the second it is known.
  for (int i = 0; i < 2; ++i) {
    Handover<absl::StatusOr<Grant>> granted;
    Handover<std::uint32_t> position;
    const auto call = transport_->Wait(
        {.key = "k", .lease_id = "id"},
        {.on_queued = [&](const QueueInfo& info) { position.Set(info.position); },
         .on_end = [&](absl::StatusOr<Grant> end) { granted.Set(std::move(end)); }});
    EXPECT_EQ(position.Wait(), 3U);
    EXPECT_EQ(granted.Wait()->fencing_token, 42U);
    Handover<absl::StatusOr<Grant>> renewed;
    transport_->Renew("k", "id", 10s,
                      [&](absl::StatusOr<Grant> end) { renewed.Set(std::move(end)); });
    EXPECT_EQ(renewed.Wait()->fencing_token, 43U);
    Handover<absl::Status> released;
    transport_->Release("k", "id", 10s, [&](absl::Status end) { released.Set(std::move(end)); });
    EXPECT_EQ(released.Wait(), absl::OkStatus());
  }
}

TEST_F(SessionTransportTest, NothingIsBoundWhereThereAreNoSessions) {
  server_.locks.on_wait = [](auto&, auto&, auto&) {
    ADD_FAILURE() << "asked for what it does not know";
    return grpc::Status::OK;
  };
  Handover<absl::StatusOr<Grant>> end;
  const auto call =
      transport_->Wait({.key = "k", .lease_id = "id", .bound = true},
                       {.on_queued = [](const QueueInfo&) {},
                        .on_end = [&](absl::StatusOr<Grant> got) { end.Set(std::move(got)); }});
  EXPECT_TRUE(absl::IsFailedPrecondition(end.Wait().status()));
}

TEST_F(SessionTransportTest, ShutdownEndsWhatIsUnderWay) {
  Handover<absl::StatusOr<Grant>> end;
  const auto call =
      transport_->Wait({.key = "k", .lease_id = "id"},
                       {.on_queued = [](const QueueInfo&) {},
                        .on_end = [&](absl::StatusOr<Grant> got) { end.Set(std::move(got)); }});
  transport_->Shutdown();
  EXPECT_FALSE(end.Wait().ok());
  Handover<absl::Status> late;
  transport_->Release("k", "id", 10s, [&](absl::Status got) { late.Set(std::move(got)); });
  EXPECT_TRUE(absl::IsCancelled(late.Wait()));
  transport_->Disconnect();
  Handover<absl::Status> later;
  transport_->Release("k", "id", 10s, [&](absl::Status got) { later.Set(std::move(got)); });
  EXPECT_TRUE(absl::IsCancelled(later.Wait()));
}

}  // namespace
}  // namespace holdfast::core
