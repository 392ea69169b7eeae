// SessionTransport with a server that the test plays: what it sends, and when. With a real
// one it is tested by clients/cpp/session_client_test.cc.

#include "clients/cpp/transport/session_transport.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"

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
    Handover<absl::StatusOr<std::uint64_t>> all;
    transport_->RenewAll(10s, [&](absl::StatusOr<std::uint64_t> end) { all.Set(std::move(end)); });
    EXPECT_TRUE(absl::IsUnimplemented(all.Wait().status()));
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

// --- A server that knows them -------------------------------------------------------------

grpc::Status LimitExceeded(const std::string& limit) {
  google::rpc::Status details;
  details.set_code(grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::ErrorInfo info;
  info.set_reason("LIMIT_EXCEEDED");
  info.set_domain("holdfast");
  (*info.mutable_metadata())["limit"] = limit;
  details.add_details()->PackFrom(info);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "refused", details.SerializeAsString()};
}

// Answers operations as a server does to which nothing else happens. Thread-safe.
class PlayedSessions {
 public:
  explicit PlayedSessions(PlayedServer& server) {
    server.sessions.on_session = [this](PlayedSessionService::SessionStream& stream) {
      return Serve(stream);
    };
  }

  // May be changed between streams.
  void SetMaxMessageBytes(std::size_t limit, bool tell = true) {
    MutexLock lock(mutex_);
    limit_ = limit;
    tells_ = tell;
  }
  // Each stream is ended by its first message.
  void EndStreams(grpc::Status end) {
    MutexLock lock(mutex_);
    end_ = std::move(end);
  }

  std::vector<v1::SessionRequest> messages() const {
    MutexLock lock(mutex_);
    return messages_;
  }
  std::uint64_t streams() const {
    MutexLock lock(mutex_);
    return streams_;
  }
  std::size_t longest_before_attached() const {
    MutexLock lock(mutex_);
    return longest_before_attached_;
  }

 private:
  grpc::Status Serve(PlayedSessionService::SessionStream& stream) {
    {
      MutexLock lock(mutex_);
      ++streams_;
    }
    std::uint64_t number = 0;
    v1::SessionRequest request;
    while (stream.Read(&request)) {
      v1::SessionResponse response;
      {
        MutexLock lock(mutex_);
        messages_.push_back(request);
        if (!end_.ok()) return end_;
        if (number == 0) {
          longest_before_attached_ = std::max(longest_before_attached_, request.ByteSizeLong());
        }
        if (request.ByteSizeLong() > limit_) return LimitExceeded("max_message_bytes");
        for (const v1::Operation& operation : request.operations()) {
          if (!operation.attach().more()) Answer(operation, *response.add_events());
        }
      }
      if (response.events_size() == 0) continue;
      response.set_number(++number);
      stream.Write(response);
    }
    return grpc::Status::OK;
  }

  void Answer(const v1::Operation& operation, v1::Event& event) REQUIRES(mutex_) {
    event.set_id(operation.id());
    if (operation.has_attach()) {
      v1::Event::Attached& attached = *event.mutable_attached();
      if (tells_) attached.set_max_message_bytes(static_cast<std::uint32_t>(limit_));
    } else if (operation.has_acquire()) {
      event.mutable_granted()->set_fencing_token(7);
    } else if (operation.has_renew_all()) {
      event.mutable_renewed_all()->set_leases(5);
    } else {
      event.mutable_released();
    }
  }

  mutable Mutex mutex_;
  std::size_t limit_ GUARDED_BY(mutex_) = 65'536;
  bool tells_ GUARDED_BY(mutex_) = true;
  grpc::Status end_ GUARDED_BY(mutex_);
  std::vector<v1::SessionRequest> messages_ GUARDED_BY(mutex_);
  std::uint64_t streams_ GUARDED_BY(mutex_) = 0;
  std::size_t longest_before_attached_ GUARDED_BY(mutex_) = 0;
};

class SessionMessagesTest : public testing::Test {
 protected:
  using Grants = std::vector<std::unique_ptr<Handover<absl::StatusOr<Grant>>>>;

  // So many at once, with keys of this length.
  Grants Begin(int count, std::size_t key_length) {
    Grants grants;
    for (int i = 0; i < count; ++i) {
      auto& grant = grants.emplace_back(std::make_unique<Handover<absl::StatusOr<Grant>>>());
      transport_->Wait(
          {.key = std::string(key_length, 'k'), .lease_id = "lease-" + std::to_string(++leases_)},
          {.on_queued = [](const QueueInfo&) {},
           .on_end = [&grant = *grant](absl::StatusOr<Grant> end) { grant.Set(std::move(end)); }});
    }
    return grants;
  }
  absl::Status Acquire(std::size_t key_length) { return Begin(1, key_length)[0]->Wait().status(); }

  absl::Status Release() {
    Handover<absl::Status> released;
    transport_->Release("k", "lease-1", 10s,
                        [&](absl::Status end) { released.Set(std::move(end)); });
    return released.Wait();
  }

  // Returns when there is another one.
  void BreakTheStream() {
    played_.EndStreams({grpc::StatusCode::UNAVAILABLE, "gone"});
    EXPECT_FALSE(Release().ok());
    played_.EndStreams(grpc::Status::OK);
    EXPECT_TRUE(Eventually([&] { return Release().ok(); }));
  }

  std::size_t LongestMessage() const {
    std::size_t longest = 0;
    for (const auto& message : played_.messages()) {
      longest = std::max(longest, message.ByteSizeLong());
    }
    return longest;
  }

  PlayedServer server_;
  PlayedSessions played_{server_};
  std::unique_ptr<SessionTransport> transport_ =
      *SessionTransport::Create(server_.address(), "session-0123456789");
  int leases_ = 0;
};

TEST_F(SessionMessagesTest, FitIntoWhatTheServerTakes) {
  played_.SetMaxMessageBytes(5'000);
  for (const auto& grant : Begin(200, 500)) EXPECT_TRUE(grant->Wait().ok());
  EXPECT_LE(LongestMessage(), 5'000U);
  EXPECT_LE(played_.longest_before_attached(), 4'096U) << "when nothing had been told yet";
  EXPECT_EQ(played_.streams(), 1U);
  // So do the pages of a list, which are filled.
  BreakTheStream();
  EXPECT_LE(LongestMessage(), 5'000U);
  EXPECT_GT(LongestMessage(), 4'096U);
}

TEST_F(SessionMessagesTest, AreNoLargerThanIsGoodForThem) {
  played_.SetMaxMessageBytes(1'000'000);
  for (const auto& grant : Begin(500, 500)) EXPECT_TRUE(grant->Wait().ok());
  EXPECT_LE(LongestMessage(), 32'768U);
  EXPECT_EQ(Acquire(100'000), absl::OkStatus()) << "which goes alone";
}

TEST_F(SessionMessagesTest, AnOperationThatIsTooLongFailsAlone) {
  played_.SetMaxMessageBytes(5'000);
  ASSERT_TRUE(Acquire(1).ok());
  const Grants good = Begin(1, 1);
  const absl::Status refused = Acquire(6'000);
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ErrorMetadata(refused)["limit"], "max_message_bytes");
  EXPECT_TRUE(good[0]->Wait().ok());
  EXPECT_TRUE(Acquire(1).ok());
  EXPECT_EQ(played_.streams(), 1U);
}

// The server was started again with a smaller limit: nothing of it is the operations' fault.
TEST_F(SessionMessagesTest, ASmallerLimitIsLearntAgain) {
  for (const auto& grant : Begin(200, 500)) ASSERT_TRUE(grant->Wait().ok());
  played_.SetMaxMessageBytes(4'096);
  BreakTheStream();  // The list goes in pages that are too large now.
}

TEST_F(SessionMessagesTest, AServerThatDoesNotSayTakesWhatItAlwaysDid) {
  played_.SetMaxMessageBytes(65'536, /*tell=*/false);
  for (const auto& grant : Begin(200, 500)) EXPECT_TRUE(grant->Wait().ok());
  BreakTheStream();
  EXPECT_GT(LongestMessage(), 16'384U);
  const std::uint64_t streams = played_.streams();
  EXPECT_TRUE(absl::IsResourceExhausted(Acquire(70'000)));
  EXPECT_EQ(played_.streams(), streams);
}

TEST_F(SessionMessagesTest, AnAcknowledgementGoesWithWhatIsSentNext) {
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Release().ok());
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Release().ok());
  const auto messages = played_.messages();
  std::vector<std::uint64_t> received;
  for (const auto& message : messages) {
    // A machine that is slow may have needed one for nothing else.
    if (message.operations_size() > 0) received.push_back(message.received());
  }
  ASSERT_GE(received.size(), 4U);
  EXPECT_EQ(received.back(), received.size() - 1);
  // What nothing is sent behind is acknowledged too.
  const std::uint64_t last = received.back() + 1;
  EXPECT_TRUE(Eventually([&] { return played_.messages().back().received() == last; }));
  EXPECT_EQ(played_.messages().back().operations_size(), 0);
}

TEST_F(SessionMessagesTest, AllLeasesAreRenewedByOneOperation) {
  Handover<absl::StatusOr<std::uint64_t>> renewed;
  transport_->RenewAll(10s,
                       [&](absl::StatusOr<std::uint64_t> end) { renewed.Set(std::move(end)); });
  EXPECT_EQ(*renewed.Wait(), 5U);
}

// It says nothing about the operations, which may be sent again.
TEST_F(SessionMessagesTest, AStreamThatIsEndedForItsBacklogIsNoRefusal) {
  played_.EndStreams(LimitExceeded("session_backlog"));
  EXPECT_TRUE(absl::IsUnavailable(Acquire(1)));
}

TEST_F(SessionMessagesTest, CallsTakeThePlaceOfASessionThatTheServerHasNoRoomFor) {
  played_.EndStreams(LimitExceeded("max_sessions"));
  server_.locks.on_release = [](auto&, auto&, auto&) { return grpc::Status::OK; };
  EXPECT_EQ(Release(), absl::OkStatus());
  EXPECT_EQ(Release(), absl::OkStatus());
  EXPECT_EQ(played_.streams(), 1U);
}

}  // namespace
}  // namespace holdfast::core
