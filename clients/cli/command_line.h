// The command line, read into plain values.

#ifndef HOLDFAST_CLIENTS_CLI_COMMAND_LINE_H_
#define HOLDFAST_CLIENTS_CLI_COMMAND_LINE_H_

#include <string>
#include <variant>

#include "clients/cli/exit_code.h"
#include "clients/cli/options.h"

namespace holdfast::cli {

// There is nothing to do: print `text`, on standard output if `code` is kOk and
// otherwise on standard error, and exit.
struct EarlyExit {
  ExitCode code{};
  std::string text;  // Ends with a line feed.
};

using Invocation = std::variant<EarlyExit, RunOptions, AcquireOptions, RenewOptions, ReleaseOptions,
                                ListOptions, ShowOptions, WatchOptions, HealthOptions,
                                ForceReleaseOptions, ReleaseByTagOptions, CompleteOptions>;

// What the completion scripts of shells call, in place of a command; see completion.h.
inline constexpr char kCompleteCommand[] = "__complete";

// `default_address` is used where the command line names none; empty: the default of
// ServerOptions.
Invocation ParseCommandLine(int argc, const char* const* argv, const std::string& default_address);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_COMMAND_LINE_H_
