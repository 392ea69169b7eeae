#include "clients/cli/run/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/file_descriptor.h"

namespace holdfast::cli {

bool HandOverTerminal(pid_t from, pid_t to) {
  // Whatever the standard streams are connected to.
  const FileDescriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid() || tcgetpgrp(terminal.get()) != from) return false;
  return tcsetpgrp(terminal.get(), to) == 0;
}

}  // namespace holdfast::cli
