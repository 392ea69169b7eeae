// What is said of an error that ends the process, and the exit code for it.

#ifndef HOLDFAST_SERVICES_LOCK_MAIN_REPORT_H_
#define HOLDFAST_SERVICES_LOCK_MAIN_REPORT_H_

#include <string_view>

#include "absl/status/status.h"
#include "services/common/exit_code.h"
#include "services/common/log.h"

namespace holdfast {

inline void LogError(std::string_view message, const absl::Status& status) {
  const absl::string_view text = status.message();
  Log(LogLevel::kError, message, {{"error", std::string_view(text.data(), text.size())}});
}

// For an error of the storage. REQUIRES: it is one.
inline ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kAlreadyExists:
      return ExitCode::kDataInUse;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
      return ExitCode::kBadData;
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    default:
      return ExitCode::kIoError;
  }
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_MAIN_REPORT_H_
