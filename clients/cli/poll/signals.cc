#include "clients/cli/poll/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace holdfast::cli {

sigset_t SignalsNotIgnored(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

sigset_t BlockSignals(const sigset_t& signals) {
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  return before;
}

SignalQueue::SignalQueue(const sigset_t& signals)
    : fd_(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)) {}

std::optional<int> SignalQueue::Next() const {
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace holdfast::cli
