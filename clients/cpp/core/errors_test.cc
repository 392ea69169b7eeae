#include "clients/cpp/core/errors.h"

#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "holdfast/v1/error_reason.pb.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

absl::Status WithRetryInfo(google::rpc::RetryInfo info) {
  absl::Status status = absl::UnavailableError("busy");
  status.SetPayload({kRetryInfoType.data(), kRetryInfoType.size()},
                    absl::Cord(info.SerializeAsString()));
  return status;
}

TEST(ErrorsTest, ReasonsAreThoseOfTheApi) {
  for (int number = v1::ErrorReason_MIN; number <= v1::ErrorReason_MAX; ++number) {
    EXPECT_EQ(ErrorReasonName(static_cast<ErrorReason>(number)),
              v1::ErrorReason_Name(static_cast<v1::ErrorReason>(number)));
  }
}

TEST(ErrorsTest, StatusCarriesReasonAndMetadata) {
  const absl::Status status =
      MakeError(absl::StatusCode::kAborted, ErrorReason::kLockHeld, "held", {{"owner", "me"}});
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_EQ(ReasonOf(status), ErrorReason::kLockHeld);
  EXPECT_THAT(ErrorMetadata(status), testing::ElementsAre(testing::Pair("owner", "me")));
}

TEST(ErrorsTest, StatusWithoutAReasonHasNone) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), ErrorReason::kUnspecified);
  EXPECT_EQ(ReasonOf(absl::AbortedError("other")), ErrorReason::kUnspecified);
  EXPECT_TRUE(ErrorMetadata(absl::AbortedError("other")).empty());
}

TEST(ErrorsTest, ReasonsOfOthersAreNotOurs) {
  google::rpc::ErrorInfo info;
  info.set_domain("example.com");
  info.set_reason("LOCK_HELD");
  absl::Status status = absl::AbortedError("held");
  status.SetPayload({kErrorInfoType.data(), kErrorInfoType.size()},
                    absl::Cord(info.SerializeAsString()));
  EXPECT_EQ(ReasonOf(status), ErrorReason::kUnspecified);

  info.set_domain("holdfast");
  info.set_reason("REASON_OF_A_NEWER_SERVER");
  status.SetPayload({kErrorInfoType.data(), kErrorInfoType.size()},
                    absl::Cord(info.SerializeAsString()));
  EXPECT_EQ(ReasonOf(status), ErrorReason::kUnspecified);

  status.SetPayload({kErrorInfoType.data(), kErrorInfoType.size()}, absl::Cord("\xff\xff"));
  EXPECT_EQ(ReasonOf(status), ErrorReason::kUnspecified);
}

TEST(ErrorsTest, BrokenConnectionsAreRetriedAndRefusalsAreNot) {
  EXPECT_TRUE(ShouldRetry(absl::UnavailableError("")));
  EXPECT_TRUE(ShouldRetry(absl::CancelledError("")));
  EXPECT_TRUE(ShouldRetry(absl::InternalError("RST_STREAM")));
  EXPECT_TRUE(ShouldRetry(absl::DeadlineExceededError("")));
  EXPECT_FALSE(ShouldRetry(absl::UnauthenticatedError("")));
  EXPECT_FALSE(ShouldRetry(absl::UnimplementedError("")));

  EXPECT_TRUE(
      ShouldRetry(MakeError(absl::StatusCode::kUnavailable, ErrorReason::kServerStopping, "")));
  EXPECT_FALSE(
      ShouldRetry(MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout, "")));
  EXPECT_FALSE(ShouldRetry(MakeError(absl::StatusCode::kAborted, ErrorReason::kLockHeld, "")));
}

TEST(ErrorsTest, RetryDelayIsWhatTheServerAsksForWithinReason) {
  google::rpc::RetryInfo info;
  EXPECT_EQ(RetryDelayOf(absl::UnavailableError("")), 0s);
  info.mutable_retry_delay()->set_nanos(250'000'000);
  EXPECT_EQ(RetryDelayOf(WithRetryInfo(info)), 250ms);
  info.mutable_retry_delay()->set_seconds(1'000'000'000'000);
  EXPECT_EQ(RetryDelayOf(WithRetryInfo(info)), 1min);
  info.mutable_retry_delay()->set_seconds(-5);
  EXPECT_EQ(RetryDelayOf(WithRetryInfo(info)), 0s);
  info.mutable_retry_delay()->set_seconds(0);
  info.mutable_retry_delay()->set_nanos(-2'000'000'000);
  EXPECT_EQ(RetryDelayOf(WithRetryInfo(info)), 0s);
  info.mutable_retry_delay()->set_seconds(59);
  info.mutable_retry_delay()->set_nanos(2'000'000'000);
  EXPECT_EQ(RetryDelayOf(WithRetryInfo(info)), 1min);
}

TEST(ErrorsTest, GivingUpIsUnavailableWhateverTheTroubleWas) {
  const absl::Status status = GaveUp("gave up", absl::CancelledError("RST_STREAM"));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(status.message(), "gave up: CANCELLED: RST_STREAM");
  EXPECT_EQ(GaveUp("gave up", absl::UnavailableError("gone")).message(), "gave up: gone");
  EXPECT_EQ(ReasonOf(GaveUp("gave up", MakeError(absl::StatusCode::kUnavailable,
                                                 ErrorReason::kServerStopping, ""))),
            ErrorReason::kServerStopping);
}

}  // namespace
}  // namespace holdfast::core
