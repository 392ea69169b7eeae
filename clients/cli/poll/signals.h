// Signals as something to poll for, rather than something that interrupts.

#ifndef HOLDFAST_CLIENTS_CLI_POLL_SIGNALS_H_
#define HOLDFAST_CLIENTS_CLI_POLL_SIGNALS_H_

#include <signal.h>

#include <initializer_list>
#include <optional>

#include "common/file_descriptor.h"

namespace holdfast::cli {

// A set of signals; those among them that this process was started to ignore (as nohup
// and shells in the background do) are left out.
sigset_t SignalsNotIgnored(std::initializer_list<int> signals);

// Blocks `signals` in this thread, and so in all threads and processes that it starts
// from now on. Returns what was blocked before.
sigset_t BlockSignals(const sigset_t& signals);

// Blocked signals, as they come for this process or thread. Thread-compatible.
class SignalQueue {
 public:
  // REQUIRES: `signals` are blocked. Not valid() if there is no file descriptor left.
  explicit SignalQueue(const sigset_t& signals);

  bool valid() const { return fd_.valid(); }

  // Readable when a signal has come.
  int fd() const { return fd_.get(); }

  // The next, or absent if none has come. Never blocks.
  std::optional<int> Next() const;

 private:
  FileDescriptor fd_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_POLL_SIGNALS_H_
