#include "clients/cpp/transport/server_contact.h"

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "clients/cpp/transport/testing/unprivileged.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

const grpc::Status kGone(grpc::StatusCode::UNAVAILABLE, "gone");

class ServerContactTest : public testing::Test {
 protected:
  ~ServerContactTest() override { Open(); }

  // For whoever is unprivileged.
  void Close() const { ASSERT_EQ(chmod(folder_.path().c_str(), 0), 0); }
  void Open() const { EXPECT_EQ(chmod(folder_.path().c_str(), 0755), 0); }

  const TempDir folder_;
  const std::string address_ = "unix:" + folder_.path() + "/s";
  ServerContact contact_{address_};
};

TEST_F(ServerContactTest, SocketThatIsClosedToThisUserIsDenied) {
  Close();
  const UnprivilegedThread unprivileged;
  EXPECT_TRUE(absl::IsPermissionDenied(contact_.StatusOf(kGone)));
  // And it stays so.
  EXPECT_TRUE(absl::IsPermissionDenied(contact_.StatusOf(kGone)));
}

TEST_F(ServerContactTest, SocketThatIsNotThereIsUnavailable) {
  Open();
  const UnprivilegedThread unprivileged;
  EXPECT_EQ(contact_.StatusOf(kGone), absl::UnavailableError("gone"));
}

TEST_F(ServerContactTest, AnythingButUnavailableIsWhatItIs) {
  Close();
  const UnprivilegedThread unprivileged;
  const grpc::Status lost(grpc::StatusCode::DATA_LOSS, "lost");
  EXPECT_EQ(contact_.StatusOf(lost), absl::DataLossError("lost"));
  const grpc::Status late(grpc::StatusCode::DEADLINE_EXCEEDED, "late");
  EXPECT_EQ(contact_.StatusOf(late), absl::DeadlineExceededError("late"));
  // None of them was an answer.
  EXPECT_TRUE(absl::IsPermissionDenied(contact_.StatusOf(kGone)));
}

TEST_F(ServerContactTest, ServerThatHasAnsweredIsTakenToComeBack) {
  Close();
  const UnprivilegedThread unprivileged;
  EXPECT_EQ(contact_.StatusOf(grpc::Status::OK), absl::OkStatus());
  EXPECT_EQ(contact_.StatusOf(kGone), absl::UnavailableError("gone"));
}

TEST_F(ServerContactTest, PartOfAnAnswerIsEnough) {
  Close();
  const UnprivilegedThread unprivileged;
  contact_.NoteAnswer();
  EXPECT_EQ(contact_.StatusOf(kGone), absl::UnavailableError("gone"));
}

// Through the transport: its calls end on gRPC's threads.
class DeniedServerTest : public ServerContactTest {
 protected:
  // What the call of which a part was answered comes to when the server goes away, and its
  // socket is closed to this process.
  absl::Status EndOfAnsweredCall() {
    answered_.Wait();
    Close();
    const UnprivilegedProcess unprivileged;
    go_.Set(true);
    return end_.Wait();
  }

  PlayedServer server_{address_};
  Handover<bool> answered_;
  Handover<bool> go_;
  Handover<absl::Status> end_;
  const std::unique_ptr<GrpcTransport> transport_ = *GrpcTransport::Create(address_);
};

TEST_F(DeniedServerTest, EachKindOfCallIsDenied) {
  Close();
  const UnprivilegedProcess unprivileged;
  LockTransport::WaitEvents wait_events;
  wait_events.on_end = [&](const absl::StatusOr<Grant>& grant) { end_.Set(grant.status()); };
  transport_->Wait({.key = "k"}, std::move(wait_events));
  EXPECT_TRUE(absl::IsPermissionDenied(end_.Wait()));

  Handover<absl::Status> watch_end;
  LockTransport::WatchEvents watch_events;
  watch_events.on_events = [](auto) { return true; };
  watch_events.on_end = [&](absl::Status why) { watch_end.Set(std::move(why)); };
  transport_->Watch({}, std::move(watch_events));
  EXPECT_TRUE(absl::IsPermissionDenied(watch_end.Wait()));

  Handover<absl::Status> release_end;
  transport_->Release("k", "id", 10s,
                      [&](absl::Status status) { release_end.Set(std::move(status)); });
  EXPECT_TRUE(absl::IsPermissionDenied(release_end.Wait()));
}

TEST_F(DeniedServerTest, PlaceInTheQueueIsAnAnswer) {
  server_.locks.on_wait = [this](auto&, auto&, auto& stream) {
    v1::WaitEvent event;
    event.mutable_queued();
    stream.Write(event);
    go_.Wait();
    return kGone;
  };
  LockTransport::WaitEvents events;
  events.on_queued = [&](auto) { answered_.Set(true); };
  events.on_end = [&](const absl::StatusOr<Grant>& grant) { end_.Set(grant.status()); };
  transport_->Wait({.key = "k"}, std::move(events));
  EXPECT_EQ(EndOfAnsweredCall(), absl::UnavailableError("gone"));
}

TEST_F(DeniedServerTest, EventOfAWatchIsAnAnswer) {
  server_.locks.on_watch = [this](auto&, auto&, auto& stream) {
    stream.Write(v1::WatchResponse());
    go_.Wait();
    return kGone;
  };
  LockTransport::WatchEvents events;
  events.on_events = [&](auto) {
    answered_.Set(true);
    return true;
  };
  events.on_end = [&](absl::Status why) { end_.Set(std::move(why)); };
  transport_->Watch({}, std::move(events));
  EXPECT_EQ(EndOfAnsweredCall(), absl::UnavailableError("gone"));
}

}  // namespace
}  // namespace holdfast::core
