#include "clients/cli/output/report.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "clients/cli/output/text.h"
#include "holdfast/error.h"

namespace holdfast::cli {
namespace {

std::string_view Heading(ExitCode code) {
  switch (code) {
    case ExitCode::kNotAcquired:
      return "not acquired: ";
    case ExitCode::kLost:
      return "the lease has ended: ";
    default:
      return "";
  }
}

}  // namespace

bool Print(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) Complain(std::string("standard output: ") + std::strerror(errno));
  return written;
}

void Complain(std::string_view text) {
  // One call, so that lines of several threads do not mix.
  std::fputs(("holdfast: " + PrintableMessage(text) + "\n").c_str(), stderr);
}

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kLockHeld:
    case ErrorReason::kWaitTimeout:
      return ExitCode::kNotAcquired;
    case ErrorReason::kLeaseExpired:
    case ErrorReason::kLeaseForced:
    case ErrorReason::kLeaseEnded:
    case ErrorReason::kLeaseNotFound:
      return ExitCode::kLost;
    default:
      break;
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kUnavailable:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kFailed;
  }
}

int Report(const absl::Status& status) {
  const ExitCode code = ExitCodeFor(status);
  Complain(std::string(Heading(code)) + MessageOf(status));
  return ToInt(code);
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

}  // namespace holdfast::cli
