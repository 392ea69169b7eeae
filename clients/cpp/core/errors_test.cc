#include "clients/cpp/core/errors.h"

#include <chrono>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/error_reason.pb.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

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

TEST(ErrorsTest, ReasonOfANewerServerIsCarriedAndNotKnown) {
  absl::Status status = absl::AbortedError("no");
  SetReason(status, "REASON_OF_A_NEWER_SERVER", {{"reason", "LOCK_HELD"}});
  EXPECT_EQ(ReasonOf(status), ErrorReason::kUnspecified);
  EXPECT_THAT(ErrorMetadata(status), testing::ElementsAre(testing::Pair("reason", "LOCK_HELD")));
  EXPECT_THAT(Describe(status), "no (REASON_OF_A_NEWER_SERVER)");
}

TEST(ErrorsTest, PrintedErrorsAreReadable) {
  absl::Status status =
      MakeError(absl::StatusCode::kAborted, ErrorReason::kLockHeld, "the lock is held",
                {{"owner", "svc@host:17"}, {"queue_length", "3"}});
  SetRetryDelay(status, 250ms);
  const std::string printed = (std::ostringstream() << status).str();
  EXPECT_THAT(printed, testing::StartsWith("ABORTED: the lock is held"));
  EXPECT_THAT(printed, testing::HasSubstr("LOCK_HELD"));
  EXPECT_THAT(printed, testing::HasSubstr("svc@host:17"));
  EXPECT_THAT(printed, testing::Not(testing::HasSubstr("\\")));  // Nothing was escaped.
  EXPECT_EQ(Describe(status), "the lock is held (LOCK_HELD)");
  EXPECT_EQ(Describe(absl::AbortedError("other")), "other");
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
  EXPECT_EQ(RetryDelayOf(absl::UnavailableError("")), 0s);
  const auto asked_for = [](Duration delay) {
    absl::Status status = absl::UnavailableError("busy");
    SetRetryDelay(status, delay);
    return RetryDelayOf(status);
  };
  EXPECT_EQ(asked_for(250ms), 250ms);
  EXPECT_EQ(asked_for(-5s), 0s);
  EXPECT_EQ(asked_for(1min), 1min);
  EXPECT_EQ(asked_for(1min + 1ns), 1min);
  EXPECT_EQ(asked_for(Duration::max()), 1min);
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
