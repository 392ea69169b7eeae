#include "services/lock/rpc/convert.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/status.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr Instant kReceived(seconds(100));

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// The fields of `message`, for a comparison that shows what differs.
std::string Text(const google::protobuf::Message& message) { return message.DebugString(); }

template <typename Message>
std::string Text(const std::string& text) {
  return Text(Parse<Message>(text));
}

LeaseView SomeLease() {
  return {.lease = {.spec = {.key = "k",
                             .lease_id = "0123456789abcdef",
                             .owner = "me",
                             .tags = {"a", "b"},
                             .expire = seconds(30)},
                    .fencing_token = 7,
                    .granted_at = WallTime{5'000'000'001}},
          .remaining = milliseconds(29'500),
          .elapsed = milliseconds(500)};
}

constexpr char kLeaseText[] = R"pb(
  lease {
    key: "k"
    lease_id: "0123456789abcdef"
    fencing_token: 7
    expire { seconds: 30 }
    tags: "a"
    tags: "b"
    owner: "me"
    granted_at { seconds: 5 nanos: 1 }
    remaining { seconds: 29 nanos: 500000000 }
    elapsed { nanos: 500000000 }
  })pb";

HolderView SomeHolder() {
  return {.owner = "me",
          .fencing_token = 7,
          .tags = {"a"},
          .expire = seconds(30),
          .remaining = seconds(20),
          .held_since = WallTime{5'000'000'000},
          .held_for = seconds(10),
          .principal = Principal("uid:1000")};
}

constexpr char kHolderText[] = R"pb(
  holders {
    owner: "me"
    fencing_token: 7
    tags: "a"
    expire { seconds: 30 }
    remaining { seconds: 20 }
    held_since { seconds: 5 }
    held_for { seconds: 10 }
    principal: "uid:1000"
  })pb";

constexpr char kAcquireText[] = R"pb(
  key: "k"
  lease_id: "0123456789abcdef"
  expire { seconds: 30 }
  tags: "b"
  tags: "a"
  owner: "me"
  timeout { seconds: 5 }
  max_hold { seconds: 600 })pb";

TEST(ToCommandTest, AcquireTakesEveryField) {
  const AcquireCommand command = ToCommand(Parse<v1::AcquireRequest>(kAcquireText), kReceived);
  EXPECT_EQ(command.spec, (LeaseSpec{.key = "k",
                                     .lease_id = "0123456789abcdef",
                                     .owner = "me",
                                     .tags = {"a", "b"},
                                     .expire = seconds(30),
                                     .max_hold = seconds(600)}));
  EXPECT_EQ(command.timeout, seconds(5));
  EXPECT_FALSE(command.report_queue);
  EXPECT_EQ(command.received, kReceived);
}

TEST(ToCommandTest, AnAcquireOfASessionWaitsAndReportsTheQueueIfAsked) {
  v1::Operation::AcquireOperation acquire;
  *acquire.mutable_request() = Parse<v1::AcquireRequest>("key: 'k' bound: true");
  AcquireCommand command = ToCommand(v1::Operation::AcquireOperation(acquire), kReceived);
  EXPECT_EQ(command.spec, (LeaseSpec{.key = "k", .bound = true}));
  EXPECT_EQ(command.timeout, kNoTimeout);
  EXPECT_FALSE(command.report_queue);
  EXPECT_EQ(command.received, kReceived);

  acquire.set_report_queue(true);
  acquire.mutable_request()->mutable_timeout()->set_seconds(5);
  command = ToCommand(std::move(acquire), kReceived);
  EXPECT_EQ(command.timeout, seconds(5));
  EXPECT_TRUE(command.report_queue);
}

TEST(ToCommandTest, AttachTakesEveryField) {
  const AttachCommand command = ToCommand(Parse<v1::Operation::Attach>(R"pb(
                                            session_id: "s"
                                            leases { key: "k" lease_id: "a" }
                                            leases { key: "l" lease_id: "b" }
                                            more: true
                                            stream_number: 7)pb"),
                                          /*local=*/true);
  EXPECT_EQ(command.session_id, "s");
  EXPECT_EQ(command.stream_number, 7u);
  EXPECT_TRUE(command.local);
  EXPECT_TRUE(command.more);
  ASSERT_EQ(command.leases.size(), 2u);
  EXPECT_EQ(command.leases[1].key, "l");
  EXPECT_EQ(command.leases[1].lease_id, "b");
  const AttachPageCommand page =
      ToPageCommand(Parse<v1::Operation::Attach>("leases { key: 'k' lease_id: 'a' }"));
  EXPECT_FALSE(page.more);
  ASSERT_EQ(page.leases.size(), 1u);
  EXPECT_EQ(page.leases[0].lease_id, "a");
}

TEST(ToCommandTest, DetachTakesEveryField) {
  const DetachCommand command =
      ToCommand(Parse<v1::Operation::Detach>("key: 'k' lease_id: 'a'"), kReceived);
  EXPECT_EQ(command.key, "k");
  EXPECT_EQ(command.lease_id, "a");
}

std::string EventText(Outcome outcome) {
  v1::Event event;
  SetEvent(std::move(outcome), "k", event);
  return Text(event);
}

TEST(SetEventTest, LeavesOutWhatTheClientKnows) {
  constexpr char kGrant[] = R"pb(
    fencing_token: 7
    expire { seconds: 30 }
    granted_at { seconds: 5 nanos: 1 }
    remaining { seconds: 29 nanos: 500000000 }
    elapsed { nanos: 500000000 })pb";
  EXPECT_EQ(EventText(Granted{SomeLease()}),
            Text<v1::Event>("granted {" + std::string(kGrant) + "}"));
  EXPECT_EQ(EventText(Renewed{SomeLease()}),
            Text<v1::Event>("renewed {" + std::string(kGrant) + "}"));
}

TEST(SetEventTest, TellsWhatHasHappened) {
  EXPECT_EQ(
      EventText(Queued{.position = 2, .queue_sequence = 9, .holders = {SomeHolder()}}),
      Text<v1::Event>("queued { position: 2 queue_sequence: 9 " + std::string(kHolderText) + "}"));
  EXPECT_EQ(EventText(Released{}), Text<v1::Event>("released {}"));
  EXPECT_EQ(EventText(Detached{}), Text<v1::Event>("detached {}"));
  EXPECT_EQ(EventText(Attached{.resumed = true}), Text<v1::Event>("attached { resumed: true }"));
  EXPECT_EQ(EventText(RenewedAll{.leases = 3}), Text<v1::Event>("renewed_all { leases: 3 }"));
}

TEST(SetEventTest, SaysWhyALeaseHasEnded) {
  const auto text = [](Refusal reason) {
    return EventText(LeaseGone{.key = "k", .lease_id = "a", .reason = reason});
  };
  for (const auto& [reason, name] :
       std::vector<std::pair<Refusal, std::string>>{{Refusal::kLeaseExpired, "LEASE_EXPIRED"},
                                                    {Refusal::kLeaseForced, "LEASE_FORCED"},
                                                    {Refusal::kLeaseEnded, "LEASE_ENDED"},
                                                    {Refusal::kLeaseNotFound, "LEASE_NOT_FOUND"},
                                                    {Refusal::kLeaseWaiting, "LEASE_WAITING"},
                                                    {Refusal::kLeaseMismatch, "LEASE_MISMATCH"}}) {
    EXPECT_EQ(text(reason),
              Text<v1::Event>("lease_ended { key: 'k' lease_id: 'a' reason: " + name + " }"));
  }
}

TEST(SetEventTest, AFailureIsTheStatusOfTheUnaryCall) {
  const Refused refused{.reason = Refusal::kLeaseExpired};
  v1::Event event;
  SetEvent(refused, "k", event);
  const grpc::Status status = ToStatus(refused, "k");
  EXPECT_EQ(event.failed().SerializeAsString(), status.error_details());
  EXPECT_EQ(event.failed().code(), status.error_code());
  EXPECT_EQ(event.failed().message(), status.error_message());
}

TEST(SetEventTest, AFailureWithoutDetailsHasItsCode) {
  v1::Event event;
  SetFailed(grpc::Status(grpc::StatusCode::INTERNAL, "x"), event);
  EXPECT_EQ(Text(event), Text<v1::Event>("failed { code: 13 message: 'x' }"));
  // Details that say nothing of a failure are none.
  google::rpc::Status details;
  details.add_details()->set_type_url("t");
  SetFailed(grpc::Status(grpc::StatusCode::INTERNAL, "x", details.SerializeAsString()), event);
  EXPECT_EQ(Text(event), Text<v1::Event>("failed { code: 13 message: 'x' }"));
}

TEST(SetEventTest, WhatIsNoOutcomeOfASessionIsAnInternalError) {
  const std::string expected =
      Text<v1::Event>("failed { code: 13 message: 'no outcome of a session' }");
  EXPECT_EQ(EventText(Shown{}), expected);
  EXPECT_EQ(EventText(Listed{}), expected);
  EXPECT_EQ(EventText(Forced{}), expected);
  EXPECT_EQ(EventText(ForcedPage{}), expected);
  EXPECT_EQ(EventText(Watched{}), expected);
  EXPECT_EQ(EventText(Drained{}), expected);
}

TEST(ToCommandTest, AcquireWithoutATimeoutTriesOnce) {
  const AcquireCommand command = ToCommand(v1::AcquireRequest(), kReceived);
  EXPECT_EQ(command.timeout, Duration::zero());
  EXPECT_EQ(command.spec.expire, std::nullopt);
}

TEST(ToCommandTest, WaitReportsTheQueueForAsLongAsTheCallIsOpen) {
  const AcquireCommand command = ToWaitCommand(v1::AcquireRequest(), kReceived);
  EXPECT_EQ(command.timeout, kNoTimeout);
  EXPECT_TRUE(command.report_queue);
}

TEST(ToCommandTest, WaitWithATimeoutKeepsIt) {
  EXPECT_EQ(ToWaitCommand(Parse<v1::AcquireRequest>(kAcquireText), kReceived).timeout, seconds(5));
  EXPECT_EQ(ToWaitCommand(Parse<v1::AcquireRequest>("timeout {}"), kReceived).timeout,
            Duration::zero());
}

TEST(ToCommandTest, ReleaseRenewAndGetTakeEveryField) {
  const std::string lease = R"pb(key: "k" lease_id: "id")pb";
  const ReleaseCommand release = ToCommand(Parse<v1::ReleaseRequest>(lease), kReceived);
  EXPECT_EQ(release.key, "k");
  EXPECT_EQ(release.lease_id, "id");

  const RenewCommand renew = ToCommand(Parse<v1::RenewRequest>(lease), kReceived);
  EXPECT_EQ(renew.key, "k");
  EXPECT_EQ(renew.lease_id, "id");
  EXPECT_EQ(renew.expire, std::nullopt);
  EXPECT_EQ(renew.received, kReceived);
  EXPECT_EQ(ToCommand(Parse<v1::RenewRequest>("expire { seconds: 3 }"), kReceived).expire,
            seconds(3));

  EXPECT_EQ(ToCommand(Parse<v1::GetRequest>(R"pb(key: "k")pb"), kReceived).key, "k");
}

TEST(ToCommandTest, ListTakesFilterAndPage) {
  auto request = Parse<v1::ListRequest>(R"pb(filter { key_prefix: "p" tags: "t" }
                                             page_size: 3)pb");
  request.set_page_token(EncodePageToken("p1", Fingerprint(request.filter())));
  const ListCommand command = ToCommand(std::move(request), kReceived);
  EXPECT_EQ(command.filter.key_prefix, "p");
  EXPECT_THAT(command.filter.tags, ElementsAre("t"));
  EXPECT_EQ(command.after_key, "p1");
  EXPECT_EQ(command.page_size, 3u);
}

TEST(ToCommandTest, ListBeginsAtTheFirstWith100) {
  const ListCommand command = ToCommand(v1::ListRequest(), kReceived);
  EXPECT_EQ(command.after_key, "");
  EXPECT_EQ(command.page_size, 100u);
}

TEST(ToResponseTest, GrantedAndRenewedShowTheLease) {
  EXPECT_EQ(Text(ToResponse(Granted{SomeLease()})), Text<v1::AcquireResponse>(kLeaseText));
  EXPECT_EQ(Text(ToResponse(Renewed{SomeLease()})), Text<v1::RenewResponse>(kLeaseText));
}

TEST(ToResponseTest, ALeaseWithoutAnExpiryHasNeitherExpireNorRemaining) {
  LeaseView view = SomeLease();
  view.lease.spec.expire.reset();
  view.remaining.reset();
  const v1::AcquireResponse response = ToResponse(Granted{std::move(view)});
  EXPECT_FALSE(response.lease().has_expire());
  EXPECT_FALSE(response.lease().has_remaining());
  EXPECT_TRUE(response.lease().has_elapsed());
}

TEST(ToResponseTest, ShownHasHoldersAndWaiters) {
  LockView lock{.key = "k",
                .holders = {SomeHolder()},
                .queue_length = 2,
                .waiters = {{.owner = "you",
                             .tags = {"t"},
                             .position = 1,
                             .waiting_for = seconds(4),
                             .parked = true,
                             .principal = Principal("billing")}}};
  EXPECT_EQ(Text(ToResponse(Shown{std::move(lock)})),
            Text<v1::GetResponse>(std::string("lock {  key: 'k'") + kHolderText + R"pb(
                                    queue_length: 2
                                    waiters {
                                      owner: "you"
                                      tags: "t"
                                      position: 1
                                      waiting_for { seconds: 4 }
                                      parked: true
                                      principal: "billing"
                                    }
                                  )pb" +
                                  "}"));
}

TEST(ToResponseTest, ListedHasATokenForTheNextPageIfThereIsOne) {
  Listed listed;
  listed.locks.push_back({.key = "a"});
  listed.locks.push_back({.key = "b"});
  listed.next_after_key = "b";
  const v1::ListResponse response = ToResponse(std::move(listed), 5);
  ASSERT_EQ(response.locks_size(), 2);
  EXPECT_EQ(response.locks(0).key(), "a");
  EXPECT_EQ(response.locks(1).key(), "b");
  EXPECT_EQ(DecodePageToken(response.next_page_token(), 5), "b");
  EXPECT_EQ(ToResponse(Listed{}, 5).next_page_token(), "");
}

TEST(ToCommandTest, ForceReleaseHasATokenIfItIsNotZero) {
  const ForceReleaseCommand any =
      ToCommand(Parse<v1::ForceReleaseRequest>(R"pb(key: "k")pb"), kReceived);
  EXPECT_EQ(any.key, "k");
  EXPECT_EQ(any.fencing_token, std::nullopt);
  EXPECT_EQ(ToCommand(Parse<v1::ForceReleaseRequest>("fencing_token: 1"), kReceived).fencing_token,
            1u);
}

TEST(ToCommandTest, ReleaseByTagTakesEveryField) {
  auto request = Parse<v1::ReleaseByTagRequest>(
      R"pb(tags: "b" tags: "a" dry_run: true max_fencing_token: 5)pb");
  request.set_page_token(EncodePageToken("k", Fingerprint(request)));
  const ReleaseByTagCommand command = ToCommand(std::move(request), kReceived);
  EXPECT_THAT(command.tags, ElementsAre("a", "b"));
  EXPECT_TRUE(command.dry_run);
  EXPECT_EQ(command.max_fencing_token, 5u);
  EXPECT_EQ(command.after_key, "k");

  const ReleaseByTagCommand least =
      ToCommand(Parse<v1::ReleaseByTagRequest>(R"pb(tags: "a")pb"), kReceived);
  EXPECT_FALSE(least.dry_run);
  EXPECT_EQ(least.max_fencing_token, std::nullopt);
  EXPECT_EQ(least.after_key, "");
}

TEST(ToCommandTest, WatchTakesItsFilter) {
  const WatchCommand command =
      ToCommand(Parse<v1::WatchRequest>(R"pb(filter { key_prefix: "p" tags: "b" tags: "a" })pb"));
  EXPECT_EQ(command.filter.key_prefix, "p");
  EXPECT_THAT(command.filter.tags, ElementsAre("a", "b"));
}

TEST(ToResponseTest, ForcedPagesSayWhatTheySpareAndGoOn) {
  ForcedPage page{.next_after_key = "a", .max_fencing_token = 9};
  page.locks.push_back({.key = "a", .holders = {SomeHolder()}});
  const v1::ReleaseByTagResponse response = ToResponse(std::move(page), 5);
  ASSERT_EQ(response.locks_size(), 1);
  EXPECT_EQ(response.locks(0).holders(0).owner(), "me");
  EXPECT_EQ(response.max_fencing_token(), 9u);
  EXPECT_EQ(DecodePageToken(response.next_page_token(), 5), "a");
  EXPECT_EQ(ToResponse(ForcedPage{}, 5).next_page_token(), "");
}

TEST(ToResponseTest, EventsHaveEveryField) {
  LeaseEvent event{.kind = LeaseEventKind::kExpired,
                   .sequence = 3,
                   .key = "k",
                   .owner = "me",
                   .tags = {"a", "b"},
                   .fencing_token = 7,
                   .expire = seconds(30),
                   .time = WallTime{5'000'000'001},
                   .principal = Principal("uid:1000")};
  EXPECT_EQ(Text(ToResponse(event)), Text<v1::WatchResponse>(R"pb(
              events {
                kind: EXPIRED
                sequence: 3
                key: "k"
                tags: "a"
                tags: "b"
                owner: "me"
                fencing_token: 7
                expire { seconds: 30 }
                time { seconds: 5 nanos: 1 }
                principal: "uid:1000"
              })pb"));
  const LeaseEvent end{.kind = LeaseEventKind::kSnapshotEnd, .sequence = 4};
  EXPECT_EQ(Text(ToResponse(end)),
            Text<v1::WatchResponse>(R"pb(events { kind: SNAPSHOT_END sequence: 4 })pb"));
}

TEST(ToEventTest, ShowsThePlaceOrTheLease) {
  Queued queued{.position = 3, .queue_sequence = 9, .holders = {SomeHolder()}};
  EXPECT_EQ(Text(ToEvent(std::move(queued))),
            Text<v1::WaitEvent>(std::string("queued { position: 3 queue_sequence: 9 ") +
                                kHolderText + "}"));
  EXPECT_EQ(Text(ToEvent(Granted{SomeLease()})),
            Text<v1::WaitEvent>(std::string("granted {") + kLeaseText + "}"));
}

}  // namespace
}  // namespace holdfast
