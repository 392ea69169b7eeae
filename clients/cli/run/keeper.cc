#include "clients/cli/run/keeper.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/report.h"
#include "clients/cli/run/process_group.h"

namespace holdfast::cli {
namespace {

sigset_t ChildSignal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

bool EndsAWait(int signal) {
  return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM;
}

bool IsJobControl(int signal) {
  return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// What the command finds in its environment: this process's own, with the lock's, and
// HOLDFAST_ADDRESS for `holdfast` within the command.
std::vector<std::string> EnvironmentOfCommand(const RunOptions& options, const Lease& lease) {
  const std::array<std::string, 3> ours = {
      absl::StrCat("HOLDFAST_KEY=", lease.key()),
      absl::StrCat("HOLDFAST_TOKEN=", lease.fencing_token()),
      absl::StrCat("HOLDFAST_ADDRESS=", options.server.address)};
  const auto is_ours = [&ours](std::string_view variable) {
    return std::any_of(ours.begin(), ours.end(), [variable](std::string_view other) {
      const std::string_view name = other.substr(0, other.find('=') + 1);
      return variable.starts_with(name);
    });
  };
  std::vector<std::string> environment(ours.begin(), ours.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_ours(*variable)) environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace

Keeper::Keeper(const RunOptions& options, Link link, SharedState& shared, pid_t watchdog,
               const sigset_t& blocked_before)
    : options_(options),
      link_(std::move(link)),
      shared_(shared),
      watchdog_(watchdog),
      blocked_before_(blocked_before),
      children_(ChildSignal()) {}

int Keeper::Run() {
  auto lock = PolledLock::Create(options_.server, options_.take, options_.expire,
                                 /*auto_renew=*/true, watchdog_);
  if (!lock.ok()) return Report(lock.status());
  if (!children_.valid() || !timer_.valid()) {
    return Report(absl::ResourceExhaustedError("out of file descriptors"));
  }
  lock_ = *std::move(lock);
  lock_->Begin();
  while (phase_ != Phase::kOver) {
    std::array<pollfd, 4> ready = {pollfd{.fd = lock_->fd(), .events = POLLIN},
                                   pollfd{.fd = link_.fd(), .events = POLLIN},
                                   pollfd{.fd = children_.fd(), .events = POLLIN},
                                   pollfd{.fd = timer_.fd(), .events = POLLIN}};
    // An end that was heard once would be heard for ever.
    if (watchdog_gone_) ready[1].fd = -1;
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[0].revents != 0) OnLock();
    if (ready[1].revents != 0) OnWatchdog();
    if (ready[2].revents != 0) OnChildren();
    if (ready[3].revents != 0) OnTimer();
  }
  return exit_code_;
}

void Keeper::OnLock() {
  lock_->ClearNews();
  if (auto outcome = lock_->TakeOutcome(); outcome.has_value()) {
    if (outcome->ok()) {
      lease_ = **std::move(outcome);
      OnGranted();
    } else if (interrupted_by_.has_value()) {
      Finish(ExitCodeOfSignal(*interrupted_by_));
    } else {
      Finish(ReportNotTaken(outcome->status(), options_.server, options_.take));
    }
    return;
  }
  if (phase_ == Phase::kOver || !lease_.has_value() || lease_->valid()) return;
  if (command_ == nullptr) {
    Finish(Report(lease_->status()));  // Granted and lost while suspended.
  } else {
    Lose(lease_->status());
  }
}

void Keeper::OnGranted() {
  if (interrupted_by_.has_value() || watchdog_gone_) {
    GiveBack();
    Finish(ExitCodeOfSignal(interrupted_by_.value_or(SIGHUP)));
  } else if (!suspended_) {
    StartCommand();
  }
}

void Keeper::StartCommand() {
  // Before there is anything to kill: the watchdog must never be without a moment.
  const Timetable times = MakeTimetable(options_.expire, lease_->deadline());
  shared_.set_backstop(times.backstop_at);
  auto command = ProcessGroup::Start({.arguments = options_.command,
                                      .environment = EnvironmentOfCommand(options_, *lease_),
                                      .blocked_signals = blocked_before_});
  if (!command.ok()) {
    Complain(MessageOf(command.status()));
    GiveBack();
    Finish(ToInt(absl::IsNotFound(command.status()) ? ExitCode::kCommandNotFound
                                                    : ExitCode::kCannotExecute));
    return;
  }
  command_ = *std::move(command);
  phase_ = Phase::kRunning;
  shared_.set_group(command_->id());
  link_.Send({.kind = Message::Kind::kStarted});
  OnTimer();
}

void Keeper::OnWatchdog() {
  for (;;) {
    const Link::Heard heard = link_.Receive();
    if (heard.closed) return OnWatchdogGone();
    if (!heard.message.has_value()) return;
    if (heard.message->kind == Message::Kind::kSignal) OnSignal(heard.message->signal);
  }
}

void Keeper::OnSignal(int signal) {
  if (phase_ == Phase::kOver) return;
  if (command_ != nullptr) {
    command_->Signal(signal);
    return;
  }
  if (EndsAWait(signal)) {
    interrupted_by_ = signal;
    lock_->Cancel();
    if (lease_.has_value()) OnGranted();  // Granted while suspended.
  } else if (signal == SIGTSTP) {
    suspended_ = true;
    link_.Send({.kind = Message::Kind::kStopped, .signal = signal});
  } else if (signal == SIGCONT) {
    suspended_ = false;
    if (lease_.has_value()) OnGranted();
  }
}

void Keeper::OnWatchdogGone() {
  watchdog_gone_ = true;
  if (command_ != nullptr) {
    const MonotonicTime now = MonotonicClock::now();
    End({.which = Descendants::kAll, .term_at = now, .kill_at = now + EndGrace(options_.expire)});
  } else if (lease_.has_value()) {
    OnGranted();
  } else {
    lock_->Cancel();
  }
}

void Keeper::OnChildren() {
  while (children_.Next().has_value()) {
  }
  if (command_ == nullptr || phase_ == Phase::kOver) return;
  const ProcessGroup::News news = command_->Look();
  if (news.stopped_by.has_value() && !news.ended) OnStopped(*news.stopped_by);
  if (command_->ended()) OnCommandEnded();
}

void Keeper::OnStopped(int signal) {
  // SIGSTOP is somebody's deliberate doing, and no business of the shell's.
  if (!IsJobControl(signal)) return;
  if (signal != SIGTSTP && HandOverTerminal(watchdog_, command_->id())) {
    command_->Signal(SIGCONT);
  } else {
    link_.Send({.kind = Message::Kind::kStopped, .signal = signal});
  }
}

void Keeper::OnCommandEnded() {
  const Descendants which = ending_.has_value() ? ending_->which : Descendants::kOwnSession;
  if (FindDescendants(which).empty()) {
    if (!lost_) GiveBack();
    Finish(lost_ ? ToInt(ExitCode::kLost) : command_->exit_code());
  } else if (!ending_.has_value()) {
    const MonotonicTime term_at = MonotonicClock::now() + LingerTime(options_.expire);
    End({.which = which, .term_at = term_at, .kill_at = term_at + EndGrace(options_.expire)});
  }
}

void Keeper::OnTimer() {
  if (phase_ != Phase::kRunning && phase_ != Phase::kEnding) return;
  CheckLease();
  DriveEnding();
  if (phase_ != Phase::kOver) SetTimer();
}

void Keeper::CheckLease() {
  if (lost_) return;
  if (!lease_->valid()) return Lose(lease_->status());
  const Timetable times = MakeTimetable(options_.expire, lease_->deadline());
  shared_.set_backstop(times.backstop_at);
  const MonotonicTime now = MonotonicClock::now();
  if (now >= times.term_at) {
    return Lose(absl::UnavailableError("it could not be renewed in time"));
  }
  next_check_ = now < times.check_at ? times.check_at : times.term_at;
}

void Keeper::Lose(const absl::Status& why) {
  const bool valid = lease_->valid();
  if (!lost_) {
    Complain(absl::StrCat("the lease on \"", options_.take.key, "\" ",
                          valid ? "is about to be lost" : "is lost", ": ", MessageOf(why),
                          "; ending ", options_.command.front()));
  }
  lost_ = true;
  next_check_ = MonotonicTime::max();
  const MonotonicTime now = MonotonicClock::now();
  MonotonicTime kill_at = MakeTimetable(options_.expire, lease_->deadline()).kill_at;
  // Ended by an administrator, say: somebody else may have the lock already.
  if (!valid) kill_at = std::min(kill_at, now + KillLead(options_.expire));
  End({.which = Descendants::kAll, .term_at = now, .kill_at = kill_at});
}

void Keeper::End(Ending ending) {
  if (ending_.has_value()) {
    // For another reason already: whatever is stricter.
    ending.term_at = std::min(ending.term_at, ending_->term_at);
    ending.kill_at = std::min(ending.kill_at, ending_->kill_at);
    ending.terminated = ending_->terminated && ending_->which == ending.which;
  }
  ending_ = ending;
  phase_ = Phase::kEnding;
  DriveEnding();
  if (phase_ != Phase::kOver) SetTimer();
}

void Keeper::DriveEnding() {
  if (phase_ != Phase::kEnding) return;
  const MonotonicTime now = MonotonicClock::now();
  if (now >= ending_->term_at && !ending_->terminated) {
    ending_->terminated = true;
    command_->SignalAll(ending_->which, SIGTERM);
    command_->SignalAll(ending_->which, SIGCONT);  // One that is stopped would not hear it.
  }
  if (now < ending_->kill_at) return;
  if (!KillDescendants(ending_->which)) {
    Complain("some processes of the command cannot be ended: they belong to another user");
    Finish(ToInt(lost_ ? ExitCode::kLost : ExitCode::kFailed));
    return;
  }
  command_->Look();
  OnCommandEnded();
}

void Keeper::SetTimer() {
  MonotonicTime next = next_check_;
  if (ending_.has_value()) {
    next = std::min(next, ending_->terminated ? ending_->kill_at : ending_->term_at);
  }
  timer_.Set(next);
}

void Keeper::GiveBack() {
  // Nothing is left to be killed.
  shared_.set_backstop(MonotonicTime::max());
  const absl::Status released = lock_->Release();
  if (released.ok()) return;
  if (ExitCodeFor(released) == ExitCode::kLost) {
    lost_ = true;
    Complain(absl::StrCat("the lease on \"", options_.take.key,
                          "\" ended before the command did: ", MessageOf(released)));
  } else {
    Complain(absl::StrCat("could not release the lock; it will be free when its lease expires: ",
                          MessageOf(released)));
  }
}

void Keeper::Finish(int exit_code) {
  shared_.set_backstop(MonotonicTime::max());
  exit_code_ = exit_code;
  phase_ = Phase::kOver;
}

}  // namespace holdfast::cli
