#include "clients/cli/output/report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "clients/cli/output/text.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/error.h"

namespace holdfast::cli {
namespace {

// The line that is shown for now.
struct Progress {
  Mutex mutex;
  int width GUARDED_BY(mutex) = 0;  // In columns.
};

Progress& TheProgress() {
  static Progress progress;
  return progress;
}

// What wipes it out on any terminal, even one that knows no sequences.
std::string Wipe(Progress& progress) REQUIRES(progress.mutex) {
  if (progress.width == 0) return "";
  const std::string blank(static_cast<std::size_t>(progress.width), ' ');
  progress.width = 0;
  return "\r" + blank + "\r";
}

int TerminalWidth() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

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
  Progress& progress = TheProgress();
  const MutexLock lock(progress.mutex);
  // One call, so that lines of several threads do not mix.
  std::fputs((Wipe(progress) + "holdfast: " + PrintableMessage(text) + "\n").c_str(), stderr);
}

void ShowProgress(std::string_view text) {
  const std::string line = "holdfast: " + PrintableMessage(text);
  // A line that is wrapped by the terminal could not be wiped out.
  const std::string_view shown = CutToWidth(line, TerminalWidth() - 1);
  Progress& progress = TheProgress();
  const MutexLock lock(progress.mutex);
  const std::string wiped = Wipe(progress);
  progress.width = DisplayWidth(shown);
  std::fputs((wiped + std::string(shown)).c_str(), stderr);
}

void EndProgress() {
  Progress& progress = TheProgress();
  const MutexLock lock(progress.mutex);
  std::fputs(Wipe(progress).c_str(), stderr);
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
