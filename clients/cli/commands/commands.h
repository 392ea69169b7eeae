// The commands, each in the file of its name. Each does its work, prints its result to
// standard output and its trouble to standard error, and returns the exit code.

#ifndef HOLDFAST_CLIENTS_CLI_COMMANDS_COMMANDS_H_
#define HOLDFAST_CLIENTS_CLI_COMMANDS_COMMANDS_H_

#include "clients/cli/options.h"

namespace holdfast::cli {

// Takes a lock and leaves it held.
int Acquire(const AcquireOptions& options);

int Renew(const RenewOptions& options);
int Release(const ReleaseOptions& options);

int List(const ListOptions& options);
int Show(const ShowOptions& options);
int Watch(const WatchOptions& options);

// Asks once whether the server serves, as probes of orchestrators do.
int Health(const HealthOptions& options);

int ForceRelease(const ForceReleaseOptions& options);
int ReleaseByTag(const ReleaseByTagOptions& options);

int Complete(const CompleteOptions& options);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_COMMANDS_COMMANDS_H_
