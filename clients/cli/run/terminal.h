// Who may read from the terminal.
//
// The command has a process group of its own, so it begins in the background of its
// terminal, if there is one. When it reads, or changes settings, the kernel stops it
// with SIGTTIN or SIGTTOU. Then, and only then, it is handed the terminal, and goes on.
// So a pipeline's other programs keep it when the command does not want it, and a job
// that the shell has put into the background stays there.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_TERMINAL_H_
#define HOLDFAST_CLIENTS_CLI_RUN_TERMINAL_H_

#include <sys/types.h>

namespace holdfast::cli {

// Makes `to` the foreground process group of this process's terminal, if that is `from`
// now. False: it is not, or there is no terminal. REQUIRES: SIGTTOU is blocked.
bool HandOverTerminal(pid_t from, pid_t to);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_TERMINAL_H_
