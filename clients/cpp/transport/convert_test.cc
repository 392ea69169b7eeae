#include "clients/cpp/transport/convert.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "holdfast/error.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;

TEST(ConvertTest, DurationsGoThereAndBack) {
  for (const Duration span : {Duration(0), Duration(1ns), Duration(1500ms), Duration(24h * 366),
                              Duration(-1500ms), Duration(-1ns)}) {
    EXPECT_EQ(FromProto(ToProto(span)), span);
  }
  EXPECT_EQ(ToProto(-1500ms).seconds(), -1);
  EXPECT_EQ(ToProto(-1500ms).nanos(), -500'000'000);
}

TEST(ConvertTest, DurationsBeyondOursAreCutOff) {
  google::protobuf::Duration span;
  span.set_seconds(315'576'000'000);  // The largest that is valid: 10,000 years.
  EXPECT_EQ(FromProto(span), Duration::max());
  span.set_seconds(-315'576'000'000);
  EXPECT_EQ(FromProto(span), Duration::min());
}

TEST(ConvertTest, DurationsWithTooManyNanosDoNotOverflow) {
  google::protobuf::Duration span;
  span.set_seconds(9'223'372'035);  // A second less than the most that an int64 holds.
  span.set_nanos(std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(FromProto(span), Duration::max());
  span.set_seconds(-9'223'372'035);
  span.set_nanos(std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(FromProto(span), Duration::min());
}

TEST(ConvertTest, LongestDurationsOfOursAreNotCutOff) {
  google::protobuf::Duration span;
  span.set_seconds(9'223'372'032);
  EXPECT_EQ(FromProto(span), 9'223'372'032s);
  span.set_seconds(9'223'372'033);
  EXPECT_EQ(FromProto(span), Duration::max());
  span.set_seconds(-9'223'372'032);
  EXPECT_EQ(FromProto(span), -9'223'372'032s);
  span.set_seconds(-9'223'372'033);
  EXPECT_EQ(FromProto(span), Duration::min());
}

TEST(ConvertTest, RequestLeavesOutWhatIsAbsent) {
  const v1::AcquireRequest request =
      ToProto(WaitRequest{.key = "k", .lease_id = "id", .tags = {"a", "b"}, .owner = "me"});
  EXPECT_EQ(request.key(), "k");
  EXPECT_EQ(request.lease_id(), "id");
  EXPECT_THAT(request.tags(), ElementsAre("a", "b"));
  EXPECT_EQ(request.owner(), "me");
  EXPECT_FALSE(request.has_expire());
  EXPECT_FALSE(request.has_timeout());
}

TEST(ConvertTest, TimeoutZeroIsNotAbsent) {
  const v1::AcquireRequest request =
      ToProto(WaitRequest{.key = "k", .lease_id = "id", .expire = 30s, .timeout = 0s});
  ASSERT_TRUE(request.has_timeout());
  EXPECT_EQ(request.timeout().seconds(), 0);
  EXPECT_EQ(request.expire().seconds(), 30);
}

TEST(ConvertTest, GrantWithoutAnEndHasNoRemaining) {
  v1::Lease lease;
  lease.set_fencing_token(42);
  lease.mutable_elapsed()->set_nanos(7);
  Grant grant = GrantFrom(lease);
  EXPECT_EQ(grant.fencing_token, 42U);
  EXPECT_EQ(grant.remaining, std::nullopt);
  EXPECT_EQ(grant.elapsed, 7ns);
  // But one that has just run out has one of zero.
  lease.mutable_remaining();
  grant = GrantFrom(lease);
  EXPECT_EQ(grant.remaining, 0ns);
}

TEST(ConvertTest, HolderHasWhatTheServerTells) {
  v1::Holder holder;
  holder.set_owner("me");
  holder.set_fencing_token(42);
  holder.add_tags("b");
  holder.add_tags("a");
  holder.mutable_held_for()->set_seconds(3);
  HolderInfo info = HolderFrom(holder);
  EXPECT_EQ(info.owner, "me");
  EXPECT_EQ(info.fencing_token, 42U);
  EXPECT_THAT(info.tags, ElementsAre("a", "b"));
  EXPECT_EQ(info.expire, std::nullopt);
  EXPECT_EQ(info.remaining, std::nullopt);
  EXPECT_EQ(info.held_for, 3s);

  holder.mutable_expire()->set_seconds(30);
  holder.mutable_remaining()->set_seconds(27);
  info = HolderFrom(holder);
  EXPECT_EQ(info.expire, 30s);
  EXPECT_EQ(info.remaining, 27s);
}

TEST(ConvertTest, PlaceInTheQueueHasItsNumbersAndTheHolders) {
  v1::WaitEvent::Queued queued;
  queued.set_position(2);
  queued.set_queue_sequence(1'000);
  queued.add_holders()->set_owner("first");
  queued.add_holders()->set_owner("second");
  const QueueInfo info = QueueInfoFrom(queued);
  EXPECT_EQ(info.position, 2U);
  EXPECT_EQ(info.queue_sequence, 1'000U);
  EXPECT_THAT(info.holders,
              ElementsAre(Field(&HolderInfo::owner, "first"), Field(&HolderInfo::owner, "second")));
}

TEST(ConvertTest, LockHasItsHoldersAndHowManyWait) {
  v1::Lock lock;
  lock.set_key("k");
  lock.add_holders()->set_fencing_token(42);
  lock.set_queue_length(7);
  const LockInfo info = LockInfoFrom(lock);
  EXPECT_EQ(info.key, "k");
  EXPECT_THAT(info.holders, ElementsAre(Field(&HolderInfo::fencing_token, 42U)));
  EXPECT_EQ(info.queue_length, 7U);
}

TEST(ConvertTest, FilterIsAskedForAsItIs) {
  const v1::Filter filter = ToProto(LockFilter{.key_prefix = "a/", .tags = {"x", "y"}});
  EXPECT_EQ(filter.key_prefix(), "a/");
  EXPECT_THAT(filter.tags(), ElementsAre("x", "y"));
}

TEST(ConvertTest, PagesHaveAllTheirLocksAndSayWhereTheNextBegins) {
  v1::ListResponse listed;
  listed.add_locks()->set_key("a");
  listed.add_locks()->set_key("b");
  listed.set_next_page_token("next");
  const LockPage page = LockPageFrom(listed);
  EXPECT_THAT(page.locks, ElementsAre(Field(&LockInfo::key, "a"), Field(&LockInfo::key, "b")));
  EXPECT_EQ(page.next_page_token, "next");

  v1::ReleaseByTagResponse released;
  released.add_locks()->set_key("a");
  released.add_locks()->set_key("b");
  released.set_max_fencing_token(42);
  released.set_next_page_token("next");
  const LockTransport::ReleaseByTagPage ended = PageFrom(released);
  EXPECT_THAT(ended.released.locks,
              ElementsAre(Field(&LockInfo::key, "a"), Field(&LockInfo::key, "b")));
  EXPECT_EQ(ended.released.max_fencing_token, 42U);
  EXPECT_EQ(ended.next_page_token, "next");
}

TEST(ConvertTest, EventsComeInTheirOrderWithWhatBelongsToThem) {
  v1::WatchResponse response;
  v1::LeaseEvent& granted = *response.add_events();
  granted.set_kind(v1::LeaseEvent::GRANTED);
  granted.set_sequence(9);
  granted.set_key("k");
  granted.add_tags("x");
  granted.set_owner("me");
  granted.set_fencing_token(42);
  granted.mutable_expire()->set_seconds(30);
  granted.mutable_time()->set_seconds(1'700'000'000);
  granted.mutable_time()->set_nanos(250'000'000);
  response.add_events()->set_kind(v1::LeaseEvent::SNAPSHOT_END);

  const std::vector<LockEvent> events = EventsFrom(response);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, LockEvent::Kind::kGranted);
  EXPECT_EQ(events[0].sequence, 9U);
  EXPECT_EQ(events[0].key, "k");
  EXPECT_THAT(events[0].tags, ElementsAre("x"));
  EXPECT_EQ(events[0].owner, "me");
  EXPECT_EQ(events[0].fencing_token, 42U);
  EXPECT_EQ(events[0].expire, 30s);
  EXPECT_EQ(events[0].time.time_since_epoch(), 1'700'000'000s + 250ms);
  EXPECT_EQ(events[1].kind, LockEvent::Kind::kSnapshotEnd);
  EXPECT_EQ(events[1].expire, std::nullopt);
}

TEST(ConvertTest, EventOfAKindThatANewerServerHasIsUnspecified) {
  v1::WatchResponse response;
  response.add_events()->set_kind(static_cast<v1::LeaseEvent::Kind>(99));
  EXPECT_EQ(EventsFrom(response).at(0).kind, LockEvent::Kind::kUnspecified);
}

TEST(ConvertTest, StatusKeepsItsReason) {
  google::rpc::ErrorInfo info;
  info.set_domain("holdfast");
  info.set_reason("LOCK_HELD");
  (*info.mutable_metadata())["owner"] = "somebody";
  google::rpc::Status details;
  details.add_details()->PackFrom(info);

  const absl::Status status =
      StatusFrom(grpc::Status(grpc::StatusCode::ABORTED, "held", details.SerializeAsString()));
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(status.message(), "held");
  EXPECT_EQ(ReasonOf(status), ErrorReason::kLockHeld);
  EXPECT_EQ(ErrorMetadata(status)["owner"], "somebody");
}

TEST(ConvertTest, StatusKeepsHowLongToWait) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_nanos(250'000'000);
  const auto delay = [&info] {
    google::rpc::Status details;
    details.add_details()->PackFrom(info);
    return RetryDelayOf(
        StatusFrom(grpc::Status(grpc::StatusCode::UNAVAILABLE, "", details.SerializeAsString())));
  };
  EXPECT_EQ(delay(), 250ms);
  info.mutable_retry_delay()->set_seconds(1'000'000'000'000);
  EXPECT_EQ(delay(), 1min);
  info.mutable_retry_delay()->set_seconds(0);
  info.mutable_retry_delay()->set_nanos(-2'000'000'000);
  EXPECT_EQ(delay(), 0s);
}

TEST(ConvertTest, ReasonsOfOthersAreNotOurs) {
  google::rpc::ErrorInfo info;
  info.set_domain("example.com");
  info.set_reason("LOCK_HELD");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  details.mutable_details(1)->set_value("\xff\xff");
  const absl::Status status =
      StatusFrom(grpc::Status(grpc::StatusCode::ABORTED, "held", details.SerializeAsString()));
  EXPECT_EQ(status, absl::AbortedError("held"));
}

TEST(ConvertTest, DetailsThatBreakOffAreNone) {
  google::rpc::ErrorInfo info;
  info.set_domain("holdfast");
  info.set_reason("LOCK_HELD");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  const grpc::Status status(grpc::StatusCode::ABORTED, "held",
                            details.SerializeAsString() + "\xff");
  EXPECT_EQ(StatusFrom(status), absl::AbortedError("held"));
}

TEST(ConvertTest, StatusWithoutOrWithBrokenDetailsIsStillAStatus) {
  EXPECT_TRUE(absl::IsUnavailable(
      StatusFrom(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone", "\xff\xff"))));
  EXPECT_TRUE(StatusFrom(grpc::Status::OK).ok());
}

}  // namespace
}  // namespace holdfast::core
