#include "services/lock/rpc/session_outbox.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/session.pb.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::string KindOf(const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kQueued:
      return "at " + std::to_string(event.queued().position());
    case v1::Event::kReleased:
      return "released";
    case v1::Event::kFailed:
      return "failed";
    case v1::Event::kLeaseEnded:
      return "ended";
    default:
      return "?";
  }
}

class SessionOutboxTest : public testing::Test {
 protected:
  static SessionOutcome Answer(std::uint64_t operation) { return Outcome(operation, Released{}); }
  static SessionOutcome Place(std::uint64_t operation, std::uint32_t position) {
    return Outcome(operation, Queued{.position = position});
  }
  // So large that 100 of them do not fit into a message.
  static SessionOutcome Large() {
    return Outcome(0, LeaseGone{.key = std::string(600, 'k'),
                                .lease_id = std::string(64, 'i'),
                                .reason = Refusal::kLeaseForced});
  }

  template <typename... Outcomes>
  void Add(Outcomes... outcomes) {
    std::vector<SessionOutcome> all;
    (all.push_back(std::move(outcomes)), ...);
    AddAll(std::move(all));
  }

  // Numbers them.
  void AddAll(std::vector<SessionOutcome> outcomes) {
    for (SessionOutcome& outcome : outcomes) outcome.number = ++number_;
    outbox_.Add(std::move(outcomes));
  }

  v1::SessionResponse TakeMessage() {
    SessionMessage message = outbox_.Take();
    v1::SessionResponse response;
    const grpc::ByteBuffer bytes = SerializeMessage(message);
    last_bytes_ = bytes.Length();
    EXPECT_TRUE(ParseMessage(bytes, response).ok());
    return response;
  }

  // What the next message says: "1 released".
  std::vector<std::string> Take() {
    std::vector<std::string> events;
    const v1::SessionResponse message = TakeMessage();
    for (const v1::Event& event : message.events()) {
      events.push_back(std::to_string(event.id()) + " " + KindOf(event));
    }
    outbox_.Written();
    return events;
  }

  OpenOperations open_{1'000'000};
  SessionOutbox outbox_{open_, 65'536};
  std::size_t last_bytes_ = 0;

 private:
  static SessionOutcome Outcome(std::uint64_t operation, holdfast::Outcome outcome) {
    return {.operation = operation, .outcome = std::move(outcome)};
  }

  std::uint64_t number_ = 0;
};

TEST_F(SessionOutboxTest, WhatGathersGoesOutTogetherInItsOrder) {
  EXPECT_TRUE(outbox_.empty());
  Add(Answer(1), Answer(2));
  outbox_.Add({FailedOperation{.id = 3, .status = LimitExceeded("x")}});
  Add(Answer(4));
  EXPECT_FALSE(outbox_.empty());
  EXPECT_THAT(Take(), ElementsAre("1 released", "2 released", "3 failed", "4 released"));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(SessionOutboxTest, MessagesAreNumbered) {
  EXPECT_EQ(outbox_.last_number(), 0u);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    Add(Answer(number));
    EXPECT_EQ(TakeMessage().number(), number);
    EXPECT_EQ(outbox_.last_number(), number);
  }
}

TEST_F(SessionOutboxTest, AnAnswerEndsItsOperationAndAPlaceDoesNot) {
  open_.Begin(1, "k");
  open_.Begin(2, "k");
  Add(Place(1, 5), Answer(2));
  Take();
  EXPECT_EQ(open_.Begin(1, "k"), OpenOperations::Begun::kIdInUse);
  EXPECT_EQ(open_.Begin(2, "k"), OpenOperations::Begun::kYes);
}

TEST_F(SessionOutboxTest, AFailureNamesTheLock) {
  open_.Begin(1, "jobs/7");
  outbox_.Add(
      {{.operation = 1, .number = 1, .outcome = Refused{.reason = Refusal::kLeaseNotFound}}});
  EXPECT_THAT(TakeMessage().events(0).failed().message(), testing::HasSubstr("jobs/7"));
}

TEST_F(SessionOutboxTest, OnlyTheNewestPlaceIsKept) {
  Add(Place(1, 9), Place(2, 9));
  Add(Answer(3), Place(1, 8));
  Add(Place(1, 7), Answer(4), Place(2, 8), Answer(5));
  EXPECT_THAT(Take(), ElementsAre("1 at 7", "2 at 8", "3 released", "4 released", "5 released"));
  Add(Place(1, 6));
  EXPECT_THAT(Take(), ElementsAre("1 at 6")) << "the older one has been told";
}

TEST_F(SessionOutboxTest, PlacesTakeNoMemoryHoweverOftenTheyChange) {
  Add(Place(1, 10'000));
  const std::size_t bytes = outbox_.unwritten_bytes();
  for (std::uint32_t position = 9'999; position > 0; --position) Add(Place(1, position));
  EXPECT_EQ(outbox_.unwritten_bytes(), bytes);
  EXPECT_THAT(Take(), ElementsAre("1 at 1"));
}

TEST_F(SessionOutboxTest, AMessageTakesNoMoreThanFits) {
  std::vector<SessionOutcome> many;
  for (int i = 0; i < 300; ++i) many.push_back(Large());
  AddAll(std::move(many));
  Add(Answer(1));
  std::size_t events = 0;
  while (!outbox_.empty()) {
    const v1::SessionResponse message = TakeMessage();
    events += static_cast<std::size_t>(message.events_size());
    EXPECT_LE(last_bytes_, SessionOutbox::kMessageBytes);
    outbox_.Written();
  }
  EXPECT_EQ(events, 301u);
  EXPECT_EQ(outbox_.last_number(), 4u) << "each but the last is about full";
}

TEST_F(SessionOutboxTest, CountsWhatIsUnwrittenUntilItIsWritten) {
  Add(Large(), Large());
  const std::size_t bytes = outbox_.unwritten_bytes();
  EXPECT_GT(bytes, 1'200u);
  outbox_.Take();
  EXPECT_EQ(outbox_.unwritten_bytes(), bytes);
  Add(Large());
  EXPECT_EQ(outbox_.unwritten_bytes(), bytes * 3 / 2);
  outbox_.Written();
  EXPECT_EQ(outbox_.unwritten_bytes(), bytes / 2);
  outbox_.Drop();
  EXPECT_EQ(outbox_.unwritten_bytes(), 0u);
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(SessionOutboxTest, WhatWasDroppedIsNotTold) {
  Add(Place(1, 2), Answer(2));
  outbox_.Drop();
  Add(Place(1, 1));
  EXPECT_THAT(Take(), ElementsAre("1 at 1"));
}

TEST_F(SessionOutboxTest, AnAcknowledgementCoversWhatHasGoneOut) {
  Add(Answer(1), Answer(2));
  Take();
  Add(Answer(3));
  Take();
  Add(Answer(4));
  EXPECT_EQ(outbox_.Acknowledge(0), std::nullopt);
  EXPECT_EQ(outbox_.Acknowledge(1), 2u);
  EXPECT_EQ(outbox_.Acknowledge(1), std::nullopt) << "no news";
  EXPECT_EQ(outbox_.Acknowledge(2), 3u);
}

// Otherwise the place would take the number of the newest with it, and grants that are
// still to be told would count as acknowledged.
TEST_F(SessionOutboxTest, APlaceThatIsReplacedAcknowledgesNothingBehindIt) {
  Add(Place(1, 9));
  Add(Answer(2));
  std::vector<SessionOutcome> many;
  for (int i = 0; i < 300; ++i) many.push_back(Large());
  AddAll(std::move(many));
  Add(Place(1, 8));
  while (outbox_.last_number() == 0) Take();
  EXPECT_LT(outbox_.Acknowledge(1).value_or(1'000), 200u);
}

TEST_F(SessionOutboxTest, AMessageOfFailuresAloneAcknowledgesNothing) {
  outbox_.Add({FailedOperation{.id = 3, .status = LimitExceeded("x")}});
  Take();
  EXPECT_EQ(outbox_.Acknowledge(1), std::nullopt);
}

// All that a client can choose the size of.
TEST_F(SessionOutboxTest, CountsNamesTagsAndDetails) {
  const auto bytes_of = [this](holdfast::Outcome outcome) {
    outbox_.Drop();
    AddAll({{.operation = 1, .outcome = std::move(outcome)}});
    return outbox_.unwritten_bytes();
  };
  const HolderView holder{.owner = "me", .tags = {"a", "b"}};
  HolderView large = holder;
  large.tags[1] = std::string(101, 'b');
  EXPECT_EQ(bytes_of(Queued{.holders = {large}}) - bytes_of(Queued{.holders = {holder}}), 100u);
  large.owner = std::string(202, 'm');
  EXPECT_EQ(
      bytes_of(Queued{.holders = {large, large}}) - bytes_of(Queued{.holders = {holder, holder}}),
      2 * (100u + 200u));
  // The owner is in its message and in its details.
  EXPECT_EQ(bytes_of(Refused{.reason = Refusal::kLockHeld, .holder = large}) -
                bytes_of(Refused{.reason = Refusal::kLockHeld, .holder = holder}),
            2 * 200u);
  EXPECT_EQ(bytes_of(LeaseGone{.key = "key", .lease_id = "id"}) - bytes_of(LeaseGone{}), 5u);
  outbox_.Drop();
  const grpc::Status status = LimitExceeded(std::string(100, 'x'));
  outbox_.Add({FailedOperation{.id = 3, .status = status}});
  EXPECT_GT(outbox_.unwritten_bytes(), status.error_details().size());
}

// Also where some have been forgotten.
TEST(SentMessagesTest, AcknowledgementsNeitherGoBackNorAhead) {
  constexpr std::uint64_t kSent = 10'000;
  SentMessages sent;
  for (std::uint64_t number = 1; number <= kSent; ++number) sent.Add(number, 10 * number);
  std::uint64_t last = 0;
  for (std::uint64_t number = 1; number <= kSent; ++number) {
    const std::uint64_t through = sent.Acknowledge(number).value_or(last);
    ASSERT_GE(through, last) << number;
    ASSERT_LE(through, 10 * number);
    last = through;
  }
  EXPECT_EQ(last, 10 * kSent);
}

TEST(SentMessagesTest, WhoAcknowledgesNothingLosesNothingInTheEnd) {
  SentMessages sent;
  for (std::uint64_t number = 1; number <= 100'000; ++number) sent.Add(number, 10 * number);
  const std::uint64_t early = sent.Acknowledge(90'000).value_or(0);
  EXPECT_LE(early, 900'000u) << "never more than was read";
  EXPECT_GT(early, 850'000u);
  EXPECT_EQ(sent.Acknowledge(100'000), 1'000'000u);
}

}  // namespace
}  // namespace holdfast
