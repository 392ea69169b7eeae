// Session, through SessionTransport, with a server that the test plays: what goes over a
// stream, and what over the next one when it breaks.

#include "clients/cpp/transport/session.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/session_transport.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "clients/cpp/transport/testing/played_streams.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class SessionTest : public testing::Test {
 protected:
  struct Wait {
    Handover<std::uint32_t> position;
    Handover<absl::StatusOr<Grant>> end;
    std::shared_ptr<LockTransport::WaitCall> call;
  };

  SessionTest() {
    transport_->OnLeaseEnded([this](const std::string& lease_id, const absl::Status& why) {
      ended_.emplace_back(lease_id, why);
    });
  }

  void TearDown() override {
    transport_->Shutdown();
    if (stream_ != nullptr) stream_->End(grpc::Status::CANCELLED);
  }

  // Each makes one operation.
  std::shared_ptr<Wait> Acquire(const std::string& lease_id) {
    const auto wait = std::make_shared<Wait>();
    wait->call = transport_->Wait(
        {.key = "key of " + lease_id, .lease_id = lease_id},
        {.on_queued = [wait](const QueueInfo& info) { wait->position.Set(info.position); },
         .on_end = [wait](absl::StatusOr<Grant> end) { wait->end.Set(std::move(end)); }});
    return wait;
  }
  std::shared_ptr<Handover<absl::StatusOr<Grant>>> Renew(const std::string& lease_id,
                                                         Duration limit = 1h) {
    const auto end = std::make_shared<Handover<absl::StatusOr<Grant>>>();
    transport_->Renew("key of " + lease_id, lease_id, limit,
                      [end](absl::StatusOr<Grant> got) { end->Set(std::move(got)); });
    return end;
  }
  std::shared_ptr<Handover<absl::Status>> Release(const std::string& lease_id) {
    const auto end = std::make_shared<Handover<absl::Status>>();
    transport_->Release("key of " + lease_id, lease_id, 1h,
                        [end](absl::Status got) { end->Set(std::move(got)); });
    return end;
  }

  // The next operation that is no page of a list; those come to pages_.
  v1::Operation NextOperation() {
    if (stream_ == nullptr) AwaitStream();
    while (operations_.empty()) {
      const std::optional<v1::SessionRequest> request = stream_->Read();
      if (!request.has_value()) {
        ADD_FAILURE() << "the client has ended the stream";
        return {};
      }
      Take(*request);
    }
    const v1::Operation operation = operations_.front();
    operations_.erase(operations_.begin());
    return operation;
  }

  // Of a stream that is new all pages have come when this returns, and are answered.
  void AwaitStream() {
    stream_ = streams_.Next();
    pages_.clear();
    operations_.clear();
    received_ = 0;
    do {
      Take(stream_->Read().value());
    } while (pages_.back().attach().more());
    Say(Answer(pages_.back(), [](v1::Event& event) { event.mutable_attached(); }));
  }

  void Take(const v1::SessionRequest& request) {
    received_ = request.received();
    for (const v1::Operation& operation : request.operations()) {
      EXPECT_NE(operation.id(), 0U);
      (operation.has_attach() ? pages_ : operations_).push_back(operation);
    }
  }

  void Say(const v1::Event& event) { stream_->Say({event}); }

  // Breaks the stream, of which all operations have been taken. The client knows of it when
  // this returns.
  void Break(const grpc::Status& status = {grpc::StatusCode::UNAVAILABLE, "cut"}) {
    const auto unanswered = Renew("nobody's");
    NextOperation();
    stream_->End(status);
    stream_ = nullptr;
    EXPECT_TRUE(absl::IsUnavailable(unanswered->Wait().status()));
  }

  template <typename Set>
  static v1::Event Answer(const v1::Operation& operation, Set set) {
    v1::Event event;
    event.set_id(operation.id());
    set(event);
    return event;
  }
  static v1::Event Granted(const v1::Operation& operation, std::uint64_t token) {
    return Answer(operation,
                  [token](v1::Event& event) { event.mutable_granted()->set_fencing_token(token); });
  }
  static v1::Event Renewed(const v1::Operation& operation, std::uint64_t token) {
    return Answer(operation,
                  [token](v1::Event& event) { event.mutable_renewed()->set_fencing_token(token); });
  }
  static v1::Event Released(const v1::Operation& operation) {
    return Answer(operation, [](v1::Event& event) { event.mutable_released(); });
  }
  static v1::Event Failed(const v1::Operation& operation, grpc::StatusCode code) {
    return Answer(operation, [code](v1::Event& event) {
      event.mutable_failed()->set_code(code);
      event.mutable_failed()->set_message("no");
    });
  }
  static v1::Event LeaseEnded(const std::string& lease_id, v1::ErrorReason reason) {
    v1::Event event;
    event.mutable_lease_ended()->set_lease_id(lease_id);
    event.mutable_lease_ended()->set_reason(reason);
    return event;
  }

  // Takes a lease.
  void Hold(const std::string& lease_id) {
    const auto wait = Acquire(lease_id);
    Say(Granted(NextOperation(), 7));
    EXPECT_TRUE(wait->end.Wait().ok());
  }

  // The leases that were listed on this stream: lease_id and key.
  std::map<std::string, std::string> Listed() const {
    std::map<std::string, std::string> listed;
    for (const v1::Operation& page : pages_) {
      for (const auto& lease : page.attach().leases()) listed[lease.lease_id()] = lease.key();
    }
    return listed;
  }
  std::vector<std::string> ListedIds() const {
    std::vector<std::string> ids;
    for (const auto& [lease_id, key] : Listed()) ids.push_back(lease_id);
    return ids;
  }

  // What is said has been dealt with when this returns.
  void Settle() {
    const auto renewed = Renew("nobody's");
    Say(Renewed(NextOperation(), 1));
    renewed->Wait().IgnoreError();
  }

  PlayedServer server_;
  PlayedStreams streams_{server_};
  std::unique_ptr<SessionTransport> transport_ =
      *SessionTransport::Create(server_.address(), "session-0123456789");
  std::shared_ptr<PlayedStream> stream_;
  std::vector<v1::Operation> pages_;
  std::vector<v1::Operation> operations_;  // Read, and not taken.
  std::uint64_t received_ = 0;             // What the client says that it has read.
  std::vector<std::pair<std::string, absl::Status>> ended_;
};

TEST_F(SessionTest, AWaitHearsItsPlacesAndItsGrant) {
  const auto wait = Acquire("a");
  const v1::Operation acquire = NextOperation();
  ASSERT_THAT(pages_, testing::SizeIs(1));
  EXPECT_EQ(pages_[0].attach().session_id(), "session-0123456789");
  EXPECT_EQ(pages_[0].attach().stream_number(), 1U);
  EXPECT_FALSE(pages_[0].attach().more());
  EXPECT_THAT(ListedIds(), IsEmpty());
  EXPECT_EQ(acquire.acquire().request().lease_id(), "a");
  EXPECT_TRUE(acquire.acquire().report_queue());
  Say(Answer(acquire, [](v1::Event& event) { event.mutable_queued()->set_position(3); }));
  EXPECT_EQ(wait->position.Wait(), 3U);
  Say(Granted(acquire, 42));
  EXPECT_EQ(wait->end.Wait()->fencing_token, 42U);
}

TEST_F(SessionTest, AnswersFindTheirOperations) {
  const auto renewed = Renew("a");
  const auto released = Release("b");
  const v1::Operation first = NextOperation();
  const v1::Operation second = NextOperation();
  EXPECT_EQ(first.renew().lease_id(), "a");
  EXPECT_EQ(first.renew().key(), "key of a");
  EXPECT_EQ(second.release().lease_id(), "b");
  EXPECT_EQ(second.release().key(), "key of b");
  stream_->Say({Released(second), Renewed(first, 5)});
  EXPECT_EQ(renewed->Wait()->fencing_token, 5U);
  EXPECT_EQ(released->Wait(), absl::OkStatus());
  const auto refused = Release("c");
  Say(Failed(NextOperation(), grpc::StatusCode::NOT_FOUND));
  EXPECT_TRUE(absl::IsNotFound(refused->Wait()));
}

TEST_F(SessionTest, WhatWasReadIsAcknowledgedThoughNothingIsAsked) {
  const auto wait = Acquire("a");
  Say(Granted(NextOperation(), 42));
  while (received_ < stream_->number()) Take(stream_->Read().value());
  EXPECT_EQ(received_, stream_->number());
  EXPECT_THAT(operations_, IsEmpty());
}

TEST_F(SessionTest, WithoutAnAnswerAnOperationEndsAtItsLimit) {
  const auto renewed = Renew("a", 10ms);
  const v1::Operation late = NextOperation();
  EXPECT_TRUE(absl::IsDeadlineExceeded(renewed->Wait().status()));
  Say(Renewed(late, 5));
  Settle();
}

TEST_F(SessionTest, AWaitThatIsCancelledHearsNothing) {
  const auto wait = Acquire("a");
  const v1::Operation acquire = NextOperation();
  wait->call->Cancel();
  Say(Granted(acquire, 42));
  Settle();
  EXPECT_FALSE(wait->end.WaitFor(0s).has_value());
}

// However many there are: a server takes no message that is too large. It has not said what
// that is to it.
TEST_F(SessionTest, ManyOperationsGoInMessagesOfModerateSize) {
  constexpr std::size_t kLarge = 500;
  std::vector<std::shared_ptr<Handover<absl::Status>>> small;
  for (int i = 0; i < 300; ++i) small.push_back(Release(std::to_string(i)));
  for (int i = 0; i < 300; ++i) Release(std::to_string(i) + std::string(kLarge, 'x'));
  stream_ = streams_.Next();
  std::set<std::uint64_t> ids;
  while (ids.size() < 1 + 600) {
    const v1::SessionRequest request = stream_->Read().value();
    EXPECT_LE(request.operations_size(), 1'024);
    EXPECT_LE(request.ByteSizeLong(), 4 * 1024);
    for (const v1::Operation& operation : request.operations()) ids.insert(operation.id());
  }
}

// --- When a stream breaks -------------------------------------------------------

TEST_F(SessionTest, WhatIsUnansweredFails) {
  const auto wait = Acquire("a");
  const auto released = Release("b");
  NextOperation();
  NextOperation();
  Break();
  EXPECT_TRUE(absl::IsUnavailable(wait->end.Wait().status()));
  EXPECT_TRUE(absl::IsUnavailable(released->Wait()));
}

TEST_F(SessionTest, AStreamThatEndsWellIsBrokenToo) {
  const auto wait = Acquire("a");
  NextOperation();
  Break(grpc::Status::OK);
  EXPECT_TRUE(absl::IsUnavailable(wait->end.Wait().status()));
}

TEST_F(SessionTest, TheNextListsWhatIsHeldOrMayHaveBeenGranted) {
  Hold("held");
  Acquire("may have been granted");
  NextOperation();
  Break();
  const auto again = Renew("held");
  const v1::Operation renew = NextOperation();
  EXPECT_EQ(pages_[0].attach().session_id(), "session-0123456789");
  EXPECT_EQ(pages_[0].attach().stream_number(), 2U);
  EXPECT_THAT(ListedIds(), ElementsAre("held", "may have been granted"));
  EXPECT_EQ(Listed()["held"], "key of held");
  EXPECT_EQ(Listed()["may have been granted"], "key of may have been granted");
  Say(Renewed(renew, 5));
  EXPECT_TRUE(again->Wait().ok());
  // The server has heard of it, and ended or kept it.
  Break();
  AwaitStream();
  EXPECT_EQ(pages_[0].attach().stream_number(), 3U);
  EXPECT_THAT(ListedIds(), ElementsAre("held"));
}

TEST_F(SessionTest, TheNextIsOpenedForTheLeasesAlone) {
  Hold("a");
  Break();
  AwaitStream();
  EXPECT_THAT(ListedIds(), ElementsAre("a"));
  EXPECT_THAT(operations_, IsEmpty());
}

TEST_F(SessionTest, AListHasPagesAndOperationsComeBehindIt) {
  constexpr int kLeases = 130;
  for (int i = 0; i < kLeases; ++i) Hold(std::to_string(i) + std::string(250, 'x'));
  Break();
  const auto renewed = Renew("0");
  const v1::Operation renew = NextOperation();
  ASSERT_THAT(pages_, testing::SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(pages_[i].id(), pages_[0].id());
    EXPECT_EQ(pages_[i].attach().more(), i < 2);
    EXPECT_EQ(pages_[i].attach().session_id().empty(), i > 0);
    EXPECT_EQ(pages_[i].attach().stream_number(), i == 0 ? 2U : 0U);
    EXPECT_LE(pages_[i].ByteSizeLong(), 32U * 1024);
  }
  EXPECT_THAT(Listed(), testing::SizeIs(kLeases));
  Say(Renewed(renew, 5));
  EXPECT_TRUE(renewed->Wait().ok());
}

TEST_F(SessionTest, WhatWasReleasedForGoodIsNotListed) {
  for (const char* id : {"released", "refused", "unclear", "held"}) Hold(id);
  const auto released = Release("released");
  Say(Released(NextOperation()));
  EXPECT_EQ(released->Wait(), absl::OkStatus());
  const auto refused = Release("refused");
  Say(Failed(NextOperation(), grpc::StatusCode::FAILED_PRECONDITION));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused->Wait()));
  const auto unclear = Release("unclear");
  Say(Failed(NextOperation(), grpc::StatusCode::UNAVAILABLE));
  EXPECT_TRUE(absl::IsUnavailable(unclear->Wait()));
  Break();
  AwaitStream();
  EXPECT_THAT(ListedIds(), ElementsAre("held", "unclear"));
}

TEST_F(SessionTest, ADetachedLeaseIsToldOfUntilThatIsHeard) {
  Hold("a");
  Hold("b");
  transport_->Detach("key of a", "a");
  EXPECT_EQ(NextOperation().detach().lease_id(), "a");
  Break();
  const v1::Operation again = NextOperation();
  EXPECT_EQ(again.detach().lease_id(), "a");
  EXPECT_EQ(again.detach().key(), "key of a");
  EXPECT_THAT(ListedIds(), ElementsAre("a", "b"));
  Say(Answer(again, [](v1::Event& event) { event.mutable_detached(); }));
  Settle();
  Break();
  AwaitStream();
  EXPECT_THAT(ListedIds(), ElementsAre("b"));
  EXPECT_THAT(operations_, IsEmpty());
}

// --- What the server says unasked -----------------------------------------------

TEST_F(SessionTest, AnEndOfALeaseIsToldOnceAndIsNotListed) {
  for (const char* id : {"forced", "unknown", "odd", "held"}) Hold(id);
  stream_->Say({LeaseEnded("somebody else's", v1::LEASE_FORCED),
                LeaseEnded("forced", v1::LEASE_FORCED), LeaseEnded("forced", v1::LEASE_FORCED),
                LeaseEnded("unknown", v1::LEASE_NOT_FOUND),
                LeaseEnded("odd", static_cast<v1::ErrorReason>(1'000))});
  Settle();
  ASSERT_THAT(ended_, testing::SizeIs(3));
  EXPECT_EQ(ended_[0].first, "forced");
  EXPECT_TRUE(absl::IsFailedPrecondition(ended_[0].second));
  EXPECT_EQ(ReasonOf(ended_[0].second), ErrorReason::kLeaseForced);
  EXPECT_EQ(ended_[1].first, "unknown");
  EXPECT_TRUE(absl::IsNotFound(ended_[1].second));
  EXPECT_EQ(ReasonOf(ended_[2].second), ErrorReason::kLeaseEnded);
  Break();
  AwaitStream();
  EXPECT_THAT(ListedIds(), ElementsAre("held"));
}

TEST_F(SessionTest, WhatTheServerSaysIsNotThereIsNotListedAgain) {
  Hold("held");
  Acquire("a");
  NextOperation();
  Break();
  // It says so before the list is complete, and the stream breaks before that is.
  stream_ = streams_.Next();
  Take(stream_->Read().value());
  EXPECT_THAT(ListedIds(), ElementsAre("a", "held"));
  Say(LeaseEnded("a", v1::LEASE_NOT_FOUND));
  while (received_ < stream_->number()) Take(stream_->Read().value());
  EXPECT_THAT(ended_, IsEmpty()) << "nobody has it yet";
  Break();
  AwaitStream();
  EXPECT_THAT(ListedIds(), ElementsAre("held"));
}

// --- The end ----------------------------------------------------------------------

TEST_F(SessionTest, ShutdownEndsWhatIsUnanswered) {
  Hold("a");
  const auto wait = Acquire("b");
  NextOperation();
  transport_->Detach("key of a", "a");
  NextOperation();
  transport_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(wait->end.Wait().status()));
  EXPECT_FALSE(stream_->Read().has_value()) << "the stream goes too";
  EXPECT_TRUE(absl::IsCancelled(Renew("a")->Wait().status()));
}

}  // namespace
}  // namespace holdfast::core
