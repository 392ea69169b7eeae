// holdfast run: a command under a lock.
//
// The promise: nothing that the command has started runs when the lease may have gone
// to somebody else. Whatever happens to `holdfast` itself on the way.
//
// Two processes keep it, so that either can fail:
//
//     the shell
//      └─ watchdog      the process that was started; no threads, no gRPC
//          └─ keeper    takes the lock, renews it, gives it back
//              └─ the command, and all that it starts, in a process group of its own
//
// - The keeper ends the command in time when the lease cannot be renewed: SIGTERM, and
//   SIGKILL before the deadline (timetable.h).
// - The watchdog does so if the keeper dies, or has been stopped and lets the time pass
//   at which it should have. It also passes on signals, and stops and goes on as the
//   shell's job control wants it, while the keeper goes on renewing.
// - If the watchdog dies, the keeper notices, ends the command and gives the lock back.
//
// Both adopt orphans below them (PR_SET_CHILD_SUBREAPER), so that a grandchild whose
// parent has ended is still found. The keeper has a process group and a name of its
// own: `kill -9 %1` and `pkill -9 holdfast` hit one of the two. And the kernel kills
// the command with the keeper.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_RUN_H_
#define HOLDFAST_CLIENTS_CLI_RUN_RUN_H_

#include "clients/cli/options.h"

namespace holdfast::cli {

// Returns the command's exit code, or 128 and the number of the signal that ended it,
// or one of exit_code.h. REQUIRES: this process has no other threads.
int Run(const RunOptions& options);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_RUN_H_
