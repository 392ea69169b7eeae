#include "clients/cli/run/process_group.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/exit_code.h"
#include "common/file_descriptor.h"

namespace holdfast::cli {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child does between fork and exec. Other threads may have held any lock at
// the fork, so nothing here allocates. Returns errno.
int BecomeCommand(char* const* arguments, char* const* environment, const sigset_t& blocked,
                  pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(ToInt(ExitCode::kFailed));  // It died before that line.
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
  execvpe(arguments[0], arguments, environment);
  return errno;
}

absl::Status CannotExecute(const std::string& program, int error) {
  const std::string message = absl::StrCat(program, ": ", std::strerror(error));
  // A missing interpreter of a script is told in the same way by the kernel.
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  return absl::PermissionDeniedError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGroup>> ProcessGroup::Start(const CommandLine& command) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = command.environment;
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  const FileDescriptor to_read(ends[0]);
  FileDescriptor to_write(ends[1]);

  const pid_t self = getpid();
  // Without the handlers that libraries have registered for fork: they would be run in
  // a process that is about to become another program.
  const pid_t pid = _Fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    const int error = BecomeCommand(argv.data(), envp.data(), command.blocked_signals, self);
    [[maybe_unused]] const ssize_t told = write(to_write.get(), &error, sizeof(error));
    _exit(ToInt(ExitCode::kFailed));
  }
  // Here as well as in the child: whichever comes first.
  setpgid(pid, pid);
  to_write.Reset();
  int error = 0;
  ssize_t size = 0;
  do {
    size = read(to_read.get(), &error, sizeof(error));  // Ends with exec, at the latest.
  } while (size < 0 && errno == EINTR);
  if (size == sizeof(error)) {
    waitpid(pid, nullptr, 0);
    return CannotExecute(command.arguments.front(), error);
  }
  return std::unique_ptr<ProcessGroup>(new ProcessGroup(pid));
}

ProcessGroup::~ProcessGroup() { waitpid(leader_, nullptr, WNOHANG); }

void ProcessGroup::Signal(int signal) const {
  // The leader stays a zombie until the destructor, so the number is nobody else's.
  kill(-leader_, signal);
}

void ProcessGroup::SignalAll(Descendants which, int signal) const {
  Signal(signal);
  for (const Process& process : FindDescendants(which)) {
    if (process.group != leader_) kill(process.id, signal);
  }
}

ProcessGroup::News ProcessGroup::Look() {
  News news;
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(leader_), &info, WSTOPPED | WNOHANG) == 0 &&
         info.si_pid == leader_) {
    news.stopped_by = info.si_status;
    info = {};
  }
  info = {};
  if (waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == leader_) {
    ended_ = news.ended = true;
    exit_code_ = info.si_code == CLD_EXITED ? info.si_status : ExitCodeOfSignal(info.si_status);
    return news;  // Its zombie would be found again and again below.
  }
  for (;;) {
    info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) break;
    if (info.si_pid == 0 || info.si_pid == leader_) break;
    waitpid(info.si_pid, nullptr, 0);
  }
  return news;
}

bool HandOverTerminal(pid_t from, pid_t to) {
  // Whatever the standard streams are connected to.
  const FileDescriptor terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid() || tcgetpgrp(terminal.get()) != from) return false;
  return tcsetpgrp(terminal.get(), to) == 0;
}

}  // namespace holdfast::cli
