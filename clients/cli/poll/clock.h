// The only place of the command line where time is waited for.

#ifndef HOLDFAST_CLIENTS_CLI_POLL_CLOCK_H_
#define HOLDFAST_CLIENTS_CLI_POLL_CLOCK_H_

#include "common/file_descriptor.h"
#include "holdfast/time.h"

namespace holdfast::cli {

void Pause(Duration span);

// On the clock of holdfast/time.h, by which leases are measured. Thread-compatible.
class Timer {
 public:
  // Not valid() if there is no file descriptor left.
  Timer();

  bool valid() const { return fd_.valid(); }

  // Readable once the moment has come, until Set is called again.
  int fd() const { return fd_.get(); }

  // In place of the moment before. MonotonicTime::max() is never.
  void Set(MonotonicTime when);

 private:
  FileDescriptor fd_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_POLL_CLOCK_H_
