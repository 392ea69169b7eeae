// The process that keeps the lock and runs the command: takes the one, starts the
// other, ends it in time if need be, and gives the lock back when all is over.
//
//     waiting ──granted──▶ running ──the command has ended──▶ over
//        │                    │                                 ▲
//        │                    └─lease in danger, watchdog gone, │
//        │                      processes left behind─▶ ending ─┘
//        └──refused, interrupted────────────────────────────────┘

#ifndef HOLDFAST_CLIENTS_CLI_RUN_KEEPER_H_
#define HOLDFAST_CLIENTS_CLI_RUN_KEEPER_H_

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "clients/cli/options.h"
#include "clients/cli/poll/clock.h"
#include "clients/cli/poll/polled_lock.h"
#include "clients/cli/poll/signals.h"
#include "clients/cli/run/link.h"
#include "clients/cli/run/process_group.h"
#include "clients/cli/run/timetable.h"
#include "holdfast/lease.h"

namespace holdfast::cli {

// Single-threaded: made and run on the process's main thread.
class Keeper {
 public:
  // `watchdog` is the process group of the watchdog, `shared` lives as long as this
  // process, and `blocked_before` is what the command's signal mask is to be.
  //
  // REQUIRES: SIGCHLD, SIGPIPE, SIGTTIN and SIGTTOU are blocked.
  Keeper(const RunOptions& options, Link link, SharedState& shared, pid_t watchdog,
         const sigset_t& blocked_before);

  // Returns when nothing of the command runs and the lock has been given back. The exit
  // code of the whole.
  int Run();

 private:
  enum class Phase { kWaiting, kRunning, kEnding, kOver };

  // How and why the command is being ended.
  struct Ending {
    Descendants which = Descendants::kOwnSession;
    MonotonicTime term_at;
    MonotonicTime kill_at;
    bool terminated = false;  // SIGTERM was sent.
  };

  // What the poll loop hands on.
  void OnLock();
  void OnWatchdog();
  void OnChildren();
  void OnTimer();

  // While waiting.
  void OnGranted();
  void StartCommand();

  // From the watchdog.
  void OnSignal(int signal);
  void OnWatchdogGone();

  // The command's life.
  void OnStopped(int signal);
  void OnCommandEnded();
  void CheckLease();
  void Lose(const absl::Status& why);
  void End(Ending ending);
  void DriveEnding();
  void SetTimer();

  void GiveBack();
  void Finish(int exit_code);

  // Constant after construction.
  const RunOptions options_;
  const Link link_;
  SharedState& shared_;
  const pid_t watchdog_;
  const sigset_t blocked_before_;

  SignalQueue children_;
  Timer timer_;
  Phase phase_ = Phase::kWaiting;
  int exit_code_ = 0;
  std::optional<int> interrupted_by_;  // While waiting.
  bool suspended_ = false;             // By job control, while waiting.
  bool watchdog_gone_ = false;
  bool lost_ = false;
  MonotonicTime next_check_ = MonotonicTime::max();
  std::optional<Ending> ending_;
  std::optional<Lease> lease_;

  // The later ones go first: the command must have ended when the lock is given back.
  std::unique_ptr<PolledLock> lock_;
  std::unique_ptr<ProcessGroup> command_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_KEEPER_H_
