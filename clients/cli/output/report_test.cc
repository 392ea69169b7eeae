#include "clients/cli/output/report.h"

#include <string>

#include "clients/cpp/core/errors.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

ExitCode CodeFor(ErrorReason reason) {
  return ExitCodeFor(core::MakeError(absl::StatusCode::kFailedPrecondition, reason, "trouble"));
}

TEST(ExitCodeTest, ReasonCountsBeforeTheCode) {
  EXPECT_EQ(CodeFor(ErrorReason::kLockHeld), ExitCode::kNotAcquired);
  EXPECT_EQ(CodeFor(ErrorReason::kWaitTimeout), ExitCode::kNotAcquired);
  for (const ErrorReason reason : {ErrorReason::kLeaseExpired, ErrorReason::kLeaseForced,
                                   ErrorReason::kLeaseEnded, ErrorReason::kLeaseNotFound}) {
    EXPECT_EQ(CodeFor(reason), ExitCode::kLost) << static_cast<int>(reason);
  }
  EXPECT_EQ(CodeFor(ErrorReason::kUnspecified), ExitCode::kFailed);
}

TEST(ExitCodeTest, CodeCountsWithoutAReason) {
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("")), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("")), ExitCode::kFailed);
  EXPECT_EQ(ExitCodeFor(absl::DeadlineExceededError("")), ExitCode::kFailed);
}

TEST(ReportTest, IsOneLineWithAHeadingAndGivesTheCode) {
  testing::internal::CaptureStderr();
  const int not_acquired = Report(
      core::MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout, "too\nlate"));
  const int lost =
      Report(core::MakeError(absl::StatusCode::kNotFound, ErrorReason::kLeaseExpired, "expired"));
  const int failed = Report(absl::UnavailableError("gone"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "holdfast: not acquired: too\\nlate\n"
            "holdfast: the lease has ended: expired\n"
            "holdfast: gone\n");
  EXPECT_EQ(not_acquired, 116);
  EXPECT_EQ(lost, 117);
  EXPECT_EQ(failed, 115);
}

TEST(ProgressTest, IsWrittenOverAndWipedOut) {
  testing::internal::CaptureStderr();
  EndProgress();  // Nothing is shown yet.
  ShowProgress("für");
  ShowProgress("b");
  Complain("c");
  Complain("d");
  EndProgress();
  ShowProgress("e");
  EndProgress();
  EndProgress();
  const std::string wipe_first = "\r" + std::string(13, ' ') + "\r";
  const std::string wipe = "\r" + std::string(11, ' ') + "\r";
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "holdfast: für" + wipe_first + "holdfast: b" + wipe +
                "holdfast: c\nholdfast: d\nholdfast: e" + wipe);
}

TEST(ProgressTest, IsNeverWiderThanTheTerminal) {
  testing::internal::CaptureStderr();
  ShowProgress(std::string(1000, 'x'));
  EndProgress();
  // Of which nothing is known here: 80 columns, less one.
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "holdfast: " + std::string(69, 'x') + "\r" + std::string(79, ' ') + "\r");
}

TEST(PrintTest, WritesAtOnce) {
  testing::internal::CaptureStdout();
  EXPECT_TRUE(Print("line\n"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "line\n");
}

}  // namespace
}  // namespace holdfast::cli
