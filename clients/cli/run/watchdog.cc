#include "clients/cli/run/watchdog.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "clients/cli/exit_code.h"
#include "clients/cli/output/report.h"
#include "clients/cli/run/process_group.h"
#include "clients/cli/run/process_tree.h"

namespace holdfast::cli {

Watchdog::Watchdog(pid_t keeper, Link link, const SharedState& shared, const sigset_t& signals)
    : keeper_(keeper), link_(std::move(link)), shared_(shared), signals_(signals) {}

int Watchdog::Run() {
  std::optional<int> exit_code;
  while (!exit_code.has_value()) {
    std::array<pollfd, 3> ready = {pollfd{.fd = signals_.fd(), .events = POLLIN},
                                   pollfd{.fd = link_.fd(), .events = POLLIN},
                                   pollfd{.fd = timer_.fd(), .events = POLLIN}};
    // An end that was heard once would be heard for ever. SIGCHLD is about to come.
    if (keeper_gone_) ready[1].fd = -1;
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[2].revents != 0) OnTimer();
    if (ready[0].revents != 0) OnSignals();
    if (ready[1].revents != 0) OnKeeper();
    exit_code = LookAfterKeeper();
  }
  // A shell would take the terminal back by itself; whoever else has started us may not.
  if (shared_.group() != 0) HandOverTerminal(shared_.group(), getpgrp());
  return *exit_code;
}

void Watchdog::OnSignals() {
  while (const std::optional<int> signal = signals_.Next()) {
    if (*signal != SIGCHLD) link_.Send({.kind = Message::Kind::kSignal, .signal = *signal});
  }
}

void Watchdog::OnKeeper() {
  for (;;) {
    const Link::Heard heard = link_.Receive();
    keeper_gone_ = heard.closed;
    if (!heard.message.has_value()) return;
    if (heard.message->kind == Message::Kind::kStarted) timer_.Set(shared_.backstop());
    if (heard.message->kind == Message::Kind::kStopped) OnStopped(heard.message->signal);
  }
}

void Watchdog::OnTimer() {
  const MonotonicTime backstop = shared_.backstop();
  if (MonotonicClock::now() < backstop) {
    timer_.Set(backstop);  // The lease was renewed meanwhile.
    return;
  }
  overdue_ = true;
  Complain("the process that renews the lease does not respond; killing it and the command");
  KillAll();
}

std::optional<int> Watchdog::LookAfterKeeper() {
  int status = 0;
  if (waitpid(keeper_, &status, WNOHANG) != keeper_) return std::nullopt;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return OnKeeperKilled(WTERMSIG(status));
}

int Watchdog::OnKeeperKilled(int signal) {
  if (!overdue_) {
    Complain(std::string("the process that renews the lease was ended by a signal (") +
             strsignal(signal) + "); killing the command");
    KillAll();
  }
  return ToInt(shared_.group() == 0 ? ExitCode::kFailed : ExitCode::kLost);
}

void Watchdog::KillAll() {
  if (!KillDescendants(Descendants::kAll)) {
    Complain("some processes of the command cannot be ended: they belong to another user");
  }
}

void Watchdog::OnStopped(int signal) {
  const bool stopped = StopUntilContinued();
  if (!stopped && signal != SIGTSTP) {
    // The command wants a terminal that it cannot have. Left to itself it would be
    // stopped again at once, for ever. The kernel ends orphans in this way.
    link_.Send({.kind = Message::Kind::kSignal, .signal = SIGHUP});
  }
  link_.Send({.kind = Message::Kind::kSignal, .signal = SIGCONT});
}

bool Watchdog::StopUntilContinued() {
  // The default action, on the whole job: the shell takes a pipeline for stopped when all
  // of it is. If nobody is there to have us go on (the process group is orphaned), the
  // kernel ignores it.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);
  kill(0, SIGTSTP);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGCONT) == 1;
}

}  // namespace holdfast::cli
