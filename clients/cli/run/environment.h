// What the command finds in its environment.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_ENVIRONMENT_H_
#define HOLDFAST_CLIENTS_CLI_RUN_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "clients/cli/options.h"
#include "holdfast/lease.h"

namespace holdfast::cli {

// This process's own, with HOLDFAST_KEY, HOLDFAST_TOKEN, and HOLDFAST_ADDRESS for
// `holdfast` within the command.
std::vector<std::string> EnvironmentOfCommand(const RunOptions& options, const Lease& lease);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_ENVIRONMENT_H_
