// The process between the shell and the rest; see run.h.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_WATCHDOG_H_
#define HOLDFAST_CLIENTS_CLI_RUN_WATCHDOG_H_

#include <signal.h>
#include <sys/types.h>

#include <optional>

#include "clients/cli/poll/clock.h"
#include "clients/cli/poll/signals.h"
#include "clients/cli/run/link.h"

namespace holdfast::cli {

// Single-threaded.
class Watchdog {
 public:
  // `signals` are those to pass on, and SIGCHLD. `shared` lives as long as this process.
  //
  // REQUIRES: `signals`, SIGPIPE, SIGTTIN and SIGTTOU are blocked; the process has no
  // other threads, and no children but `keeper`.
  Watchdog(pid_t keeper, Link link, const SharedState& shared, const sigset_t& signals);

  // Returns when the keeper has ended, in whatever way, and the command with it. The
  // exit code of the whole.
  int Run();

 private:
  void OnSignals();
  void OnKeeper();
  void OnTimer();

  // The keeper's exit code, if it has ended.
  std::optional<int> LookAfterKeeper();
  int OnKeeperKilled(int signal);

  // Kills the keeper, and all below it.
  void KillAll();

  // The command has stopped for job control: so does the job that it is a part of.
  void OnStopped(int signal);

  // False: nobody looks after this job, so it did not stop.
  bool StopUntilContinued();

  // Constant after construction.
  const pid_t keeper_;
  const Link link_;
  const SharedState& shared_;

  SignalQueue signals_;
  Timer timer_;
  bool keeper_gone_ = false;  // It has closed its end of the link.
  bool overdue_ = false;      // The keeper has let the backstop pass.
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_WATCHDOG_H_
