#include "services/lock/rpc/status.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "holdfast/v1/error_reason.pb.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// The details of a status, as a client finds them.
struct Details {
  google::rpc::Status status;
  std::optional<google::rpc::ErrorInfo> info;
  std::optional<google::rpc::RetryInfo> retry;

  std::map<std::string, std::string> metadata() const {
    return {info->metadata().begin(), info->metadata().end()};
  }
};

Details DetailsOf(const grpc::Status& status) {
  Details details;
  EXPECT_TRUE(details.status.ParseFromString(status.error_details()));
  for (const auto& any : details.status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) details.info = info;
    if (any.UnpackTo(&retry)) details.retry = retry;
  }
  return details;
}

struct ReasonCase {
  Refusal refusal;
  StatusCode code;
  std::string reason;
};

class ReasonTest : public testing::TestWithParam<ReasonCase> {};

TEST_P(ReasonTest, HasItsCodeAndReason) {
  const grpc::Status status = ToStatus(Refused{.reason = GetParam().refusal}, "some/key");
  EXPECT_EQ(status.error_code(), GetParam().code);
  EXPECT_NE(status.error_message(), "");
  const Details details = DetailsOf(status);
  EXPECT_EQ(details.status.code(), GetParam().code);
  EXPECT_EQ(details.status.message(), status.error_message());
  ASSERT_TRUE(details.info.has_value());
  EXPECT_EQ(details.info->domain(), "holdfast");
  EXPECT_EQ(details.info->reason(), GetParam().reason);
  EXPECT_EQ(details.retry.has_value(), GetParam().code == StatusCode::UNAVAILABLE);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReasonTest,
    testing::Values(
        ReasonCase{Refusal::kLockHeld, StatusCode::ABORTED, "LOCK_HELD"},
        ReasonCase{Refusal::kWaitTimeout, StatusCode::DEADLINE_EXCEEDED, "WAIT_TIMEOUT"},
        ReasonCase{Refusal::kLeaseExpired, StatusCode::FAILED_PRECONDITION, "LEASE_EXPIRED"},
        ReasonCase{Refusal::kLeaseForced, StatusCode::FAILED_PRECONDITION, "LEASE_FORCED"},
        ReasonCase{Refusal::kLeaseEnded, StatusCode::FAILED_PRECONDITION, "LEASE_ENDED"},
        ReasonCase{Refusal::kLeaseNotFound, StatusCode::NOT_FOUND, "LEASE_NOT_FOUND"},
        ReasonCase{Refusal::kLockNotHeld, StatusCode::NOT_FOUND, "LOCK_NOT_HELD"},
        ReasonCase{Refusal::kLeaseWaiting, StatusCode::FAILED_PRECONDITION, "LEASE_WAITING"},
        ReasonCase{Refusal::kLeaseMismatch, StatusCode::INVALID_ARGUMENT, "LEASE_MISMATCH"},
        ReasonCase{Refusal::kLimitExceeded, StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"},
        ReasonCase{Refusal::kSessionReplaced, StatusCode::ABORTED, "SESSION_REPLACED"},
        ReasonCase{Refusal::kStarting, StatusCode::UNAVAILABLE, "SERVER_STARTING"},
        ReasonCase{Refusal::kStopping, StatusCode::UNAVAILABLE, "SERVER_STOPPING"}),
    [](const auto& test) { return test.param.reason; });

TEST(StatusTest, EveryReasonOfTheApiIsSent) {
  // Two are not refusals of the engine's.
  EXPECT_EQ(DetailsOf(ToStatus(FieldError{"key", "must be"})).info->reason(), "INVALID_FIELD");
  EXPECT_EQ(DetailsOf(MalformedRequest("T")).info->reason(), "MALFORMED_REQUEST");
  // UNSPECIFIED is never sent; the suite above has 13.
  // Nor are these, which the rules lead to.
  EXPECT_EQ(DetailsOf(NotPermitted("uid:1", "acquire", "k")).info->reason(), "PERMISSION_DENIED");
  EXPECT_EQ(DetailsOf(NotPermitted("anonymous", "acquire", "k")).info->reason(), "UNAUTHENTICATED");
  EXPECT_EQ(DetailsOf(RulesChanged()).info->reason(), "RULES_CHANGED");
  EXPECT_EQ(v1::ErrorReason_descriptor()->value_count(), 1 + 2 + 3 + 13);
}

TEST(StatusTest, WhoMayNotIsToldWhomTheServerTakesItFor) {
  const grpc::Status denied = NotPermitted("uid:1000", "acquire", "jobs/7");
  EXPECT_EQ(denied.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(denied.error_message(), "uid:1000 may not acquire \"jobs/7\"");
  EXPECT_THAT(DetailsOf(denied).metadata(),
              UnorderedElementsAre(Pair("principal", "uid:1000"), Pair("permission", "acquire")));
  EXPECT_EQ(NotPermitted("anonymous", "admin", "k").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(RulesChanged().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_TRUE(DetailsOf(RulesChanged()).retry.has_value());
}

TEST(StatusTest, ACancelledCallIsToldSo) {
  EXPECT_EQ(ToStatus(Refused{.reason = Refusal::kCancelled}, "k").error_code(),
            StatusCode::CANCELLED);
}

Refused HeldBy(std::optional<Duration> remaining) {
  return {.reason = Refusal::kLockHeld,
          .holder = HolderView{.owner = "svc@host:12",
                               .fencing_token = 42,
                               .expire = std::chrono::seconds(5),
                               .remaining = remaining,
                               .held_since = WallTime{1'700'000'000'500'000'000}},
          .queue_length = 3};
}

TEST(StatusTest, LockHeldTellsWhoIsInTheWay) {
  const grpc::Status status = ToStatus(HeldBy(std::chrono::microseconds(1'500'900)), "jobs/7");
  EXPECT_EQ(status.error_message(),
            "the lock \"jobs/7\" is held by \"svc@host:12\" (token 42, 1.5009s left)");
  EXPECT_THAT(DetailsOf(status).metadata(),
              UnorderedElementsAre(Pair("owner", "svc@host:12"), Pair("fencing_token", "42"),
                                   Pair("held_since", "2023-11-14T22:13:20.5+00:00"),
                                   Pair("remaining_ms", "1500"), Pair("queue_length", "3")));
}

TEST(StatusTest, LockHeldTellsWhoTheServerKnowsTheHolderToBe) {
  Refused refused = HeldBy(std::nullopt);
  refused.holder->principal = Principal("uid:1000");
  EXPECT_EQ(DetailsOf(ToStatus(refused, "k")).metadata()["principal"], "uid:1000");
  refused.holder->principal = Principal();
  EXPECT_EQ(DetailsOf(ToStatus(refused, "k")).metadata().count("principal"), 0u);
}

TEST(StatusTest, AHolderWithoutAnExpiryHasNothingRemaining) {
  const grpc::Status status = ToStatus(HeldBy(std::nullopt), "k");
  EXPECT_EQ(status.error_message(), "the lock \"k\" is held by \"svc@host:12\" (token 42)");
  EXPECT_EQ(DetailsOf(status).metadata().count("remaining_ms"), 0u);
}

TEST(StatusTest, WaitTimeoutTellsWhoIsInTheWay) {
  Refused refused = HeldBy(std::chrono::seconds(2));
  refused.reason = Refusal::kWaitTimeout;
  const grpc::Status status = ToStatus(refused, "k");
  EXPECT_THAT(status.error_message(), HasSubstr("svc@host:12"));
  EXPECT_EQ(DetailsOf(status).metadata()["owner"], "svc@host:12");
  EXPECT_EQ(DetailsOf(status).metadata()["queue_length"], "3");
}

TEST(StatusTest, LeaseEndedTellsHow) {
  const std::map<EndCause, std::string> names = {{EndCause::kReleased, "released"},
                                                 {EndCause::kExpired, "expired"},
                                                 {EndCause::kForced, "forced"},
                                                 {EndCause::kCancelled, "cancelled"},
                                                 {EndCause::kTimedOut, "timed_out"}};
  for (const auto& [cause, name] : names) {
    const Refused refused{.reason = Refusal::kLeaseEnded, .ended_by = cause};
    EXPECT_THAT(DetailsOf(ToStatus(refused, "k")).metadata(), ElementsAre(Pair("ended_by", name)));
  }
}

TEST(StatusTest, MismatchAndInvalidFieldNameTheField) {
  const Refused mismatch{.reason = Refusal::kLeaseMismatch, .name = "tags"};
  EXPECT_THAT(DetailsOf(ToStatus(mismatch, "k")).metadata(), ElementsAre(Pair("field", "tags")));
  const grpc::Status invalid = ToStatus(FieldError{"tags[3]", "must be small"});
  EXPECT_EQ(invalid.error_message(), "tags[3] must be small");
  EXPECT_THAT(DetailsOf(invalid).metadata(), ElementsAre(Pair("field", "tags[3]")));
}

TEST(StatusTest, LimitsAreNamedAsTheFlagIs) {
  const Refused refused{.reason = Refusal::kLimitExceeded, .name = "max_waiters"};
  const grpc::Status status = ToStatus(refused, "k");
  EXPECT_THAT(status.error_message(), HasSubstr("--max-waiters"));
  EXPECT_THAT(DetailsOf(status).metadata(), ElementsAre(Pair("limit", "max_waiters")));
}

TEST(StatusTest, ALimitThatIsFixedHasNoFlag) {
  const grpc::Status status =
      ToStatus(Refused{.reason = Refusal::kLimitExceeded, .name = "max_calls_per_waiter"}, "k");
  EXPECT_THAT(status.error_message(), Not(HasSubstr("flag")));
  EXPECT_THAT(DetailsOf(status).metadata(), ElementsAre(Pair("limit", "max_calls_per_waiter")));
}

TEST(StatusTest, WhatCallersChoseIsCutAndEscapedInMessages) {
  Refused refused = HeldBy(std::nullopt);
  refused.holder->owner = std::string("\n\x01", 2) + std::string(254, 'o');
  const grpc::Status status = ToStatus(refused, std::string(127, 'k') + "üüü");
  EXPECT_THAT(status.error_message(), HasSubstr("\"" + std::string(127, 'k') + "...\""));
  EXPECT_THAT(status.error_message(), HasSubstr("\"\\n\\001ooo"));
  // Metadata has it whole.
  EXPECT_EQ(DetailsOf(status).metadata()["owner"], refused.holder->owner);
}

// Headers have a limit of 8 KiB in gRPC; the message is in them twice, once
// percent-encoded (3 bytes for one) and once in base64 (4 for 3).
TEST(StatusTest, TheLargestErrorFitsIntoTheHeaders) {
  Refused refused = HeldBy(std::chrono::hours(24 * 366));
  for (const std::string& text : {std::string("\x01"), std::string("\xf0\x9f\x94\x92")}) {
    std::string owner;
    while (owner.size() < 256) owner += text;
    refused.holder->owner = owner;
    const grpc::Status status = ToStatus(refused, owner + owner);
    EXPECT_LT(status.error_message().size() * 3 + status.error_details().size() * 4 / 3, 7'000u);
  }
}

}  // namespace
}  // namespace holdfast
