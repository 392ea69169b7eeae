// Trouble, told to people on standard error and to scripts by the exit code.

#ifndef HOLDFAST_CLIENTS_CLI_REPORT_H_
#define HOLDFAST_CLIENTS_CLI_REPORT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "clients/cli/exit_code.h"

namespace holdfast::cli {

// Prints `holdfast: text` as one line, whatever is in it. Thread-safe.
void Complain(std::string_view text);

// What `status` means to whoever called the program. REQUIRES: it is not OK.
ExitCode ExitCodeFor(const absl::Status& status);

// Complains about `status`, and returns the exit code for it.
int Report(const absl::Status& status);

// The message of `status`, as a type that the rest of the code knows.
std::string MessageOf(const absl::Status& status);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_REPORT_H_
