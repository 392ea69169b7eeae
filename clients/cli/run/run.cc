#include "clients/cli/run/run.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "clients/cli/output/report.h"
#include "clients/cli/owner.h"
#include "clients/cli/poll/signals.h"
#include "clients/cli/run/keeper.h"
#include "clients/cli/run/link.h"
#include "clients/cli/run/process_tree.h"
#include "clients/cli/run/watchdog.h"

namespace holdfast::cli {
namespace {

// Never returns to what the process was before.
[[noreturn]] void BecomeKeeper(const RunOptions& options, Link link, SharedState& shared,
                               pid_t watchdog, const sigset_t& blocked_before) {
  // What is sent to the shell's job, or by name, is to hit the watchdog alone.
  setpgid(0, 0);
  prctl(PR_SET_NAME, "lease-keeper");
  AdoptOrphans();
  int exit_code = 0;
  {
    Keeper keeper(options, std::move(link), shared, watchdog, blocked_before);
    exit_code = keeper.Run();
  }
  std::fflush(nullptr);
  _exit(exit_code);
}

// The signals that are passed on to the command, and SIGCHLD.
sigset_t WatchedSignals() {
  sigset_t watched = SignalsNotIgnored(
      {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGTSTP, SIGCONT});
  sigaddset(&watched, SIGCHLD);
  return watched;
}

}  // namespace

int Run(const RunOptions& options) {
  RunOptions filled_in = options;
  if (filled_in.take.owner.empty()) {
    filled_in.take.owner = OwnerOfCommand(options.command.front());
  }
  auto links = Link::CreatePair();
  if (!links.ok()) return Report(links.status());
  const auto shared = SharedState::Create();
  if (!shared.ok()) return Report(shared.status());

  // Whoever has started us with SIGCHLD ignored would have our children vanish unseen.
  signal(SIGCHLD, SIG_DFL);
  const sigset_t watched = WatchedSignals();
  sigset_t blocked = watched;
  // A terminal must not stop us for what we say or hand over, nor a closed pipe end us.
  for (const int number : {SIGTTIN, SIGTTOU, SIGPIPE}) sigaddset(&blocked, number);
  const sigset_t blocked_before = BlockSignals(blocked);
  AdoptOrphans();

  auto [ours, keepers] = *std::move(links);
  const pid_t self = getpgrp();
  const pid_t keeper = fork();
  if (keeper < 0) return Report(absl::ErrnoToStatus(errno, "fork"));
  if (keeper == 0) {
    // With the watchdog's end open here as well, its death would go unnoticed.
    { const Link watchdogs = std::move(ours); }
    BecomeKeeper(filled_in, std::move(keepers), **shared, self, blocked_before);
  }
  { const Link closed = std::move(keepers); }
  return Watchdog(keeper, std::move(ours), **shared, watched).Run();
}

}  // namespace holdfast::cli
