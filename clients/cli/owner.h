// Who takes a lock, for people to read.
//
// `holdfast@host:pid` would say little: every lock that is taken from a shell would
// have it, and after `acquire` that process is gone.

#ifndef HOLDFAST_CLIENTS_CLI_OWNER_H_
#define HOLDFAST_CLIENTS_CLI_OWNER_H_

#include <string>
#include <string_view>

namespace holdfast::cli {

// Of a command that is run: its name, this host, and the process to kill if it is to
// end, which is this one: `backup.sh@web1:4242`.
std::string OwnerOfCommand(std::string_view program);

// Of the process that has started this one, such as the script that calls `acquire`:
// `deploy.sh@web1:812`.
std::string OwnerOfCaller();

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OWNER_H_
