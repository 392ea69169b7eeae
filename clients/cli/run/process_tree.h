// All that this process has started, directly or not.
//
// A process group is not enough: whatever calls setsid() or setpgid() leaves it. But
// since this process adopts the orphans among its descendants, none of them gets away,
// and /proc shows them all.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_PROCESS_TREE_H_
#define HOLDFAST_CLIENTS_CLI_RUN_PROCESS_TREE_H_

#include <sys/types.h>

#include <vector>

namespace holdfast::cli {

struct Process {
  pid_t id = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
};

enum class Descendants {
  kAll,
  kOwnSession,  // Without those that have made themselves independent by setsid().
};

// Has this process adopt its descendants when their parents end.
void AdoptOrphans();

// Those that live: a zombie does nothing any more.
std::vector<Process> FindDescendants(Descendants which);

// Kills them, and those that they start meanwhile, and returns when none lives. False:
// some are left, and this process may not kill them (as set-user-ID programs).
bool KillDescendants(Descendants which);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_PROCESS_TREE_H_
