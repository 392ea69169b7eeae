// What is said: results on standard output, trouble on standard error, and the exit code
// for scripts.

#ifndef HOLDFAST_CLIENTS_CLI_OUTPUT_REPORT_H_
#define HOLDFAST_CLIENTS_CLI_OUTPUT_REPORT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "clients/cli/exit_code.h"

namespace holdfast::cli {

// Writes `text`, of whole lines, so that a reader has them now. False, and a complaint:
// it could not be written.
bool Print(std::string_view text);

// Prints `holdfast: text` as one line, whatever is in it. Thread-safe.
void Complain(std::string_view text);

// Shows `holdfast: text` on standard error, in place of what was shown before, for a person
// who looks on. REQUIRES: standard error is a terminal. Thread-safe.
void ShowProgress(std::string_view text);

// Wipes out what is shown. Complain does so too. Thread-safe.
void EndProgress();

// What `status` means to whoever called the program. REQUIRES: it is not OK.
ExitCode ExitCodeFor(const absl::Status& status);

// Complains about `status`, and returns the exit code for it.
int Report(const absl::Status& status);

// The message of `status`, as a type that the rest of the code knows.
std::string MessageOf(const absl::Status& status);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OUTPUT_REPORT_H_
