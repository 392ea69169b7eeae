#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/support/eventually.h"

namespace holdfast {
namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  bool Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read_end = ends[0];
    write_end = ends[1];
    return true;
  }
};

void CloseIfOpen(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// What the child does between fork and exec. Other threads of the test may hold
// any lock at the fork, so nothing here may allocate: all is prepared before.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* stderr_path = nullptr;
  Pipe to_child;
  Pipe from_child;
  bool talk = false;
  std::optional<rlimit> files;
  pid_t parent = -1;

  [[noreturn]] void Run() const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);  // The test died before that line.
    // An ignored signal stays ignored across exec; see WriteLine.
    signal(SIGPIPE, SIG_DFL);
    if (files.has_value()) setrlimit(RLIMIT_NOFILE, &*files);
    if (stderr_path != nullptr) {
      const int fd = open(stderr_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (fd >= 0) dup2(fd, STDERR_FILENO);
    }
    if (talk) {
      dup2(to_child.read_end, STDIN_FILENO);
      dup2(from_child.write_end, STDOUT_FILENO);
    }
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
};

int PollFor(int fd, short events, std::chrono::nanoseconds limit) {
  pollfd waited{.fd = fd, .events = events, .revents = 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  return poll(&waited, 1, ms < 0 ? 0 : static_cast<int>(ms));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ExitStatus& status) {
  if (status.signal != 0) return out << "killed by " << strsignal(status.signal);
  return out << "exit code " << status.code;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const ChildOptions& options) {
  std::vector<std::string> argv = options.argv;
  ChildPlan plan;
  for (std::string& argument : argv) plan.argv.push_back(argument.data());
  plan.argv.push_back(nullptr);
  std::vector<std::string> added = options.environment;
  for (std::string& variable : added) plan.environment.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    plan.environment.push_back(*variable);
  }
  plan.environment.push_back(nullptr);
  if (!options.stderr_path.empty()) plan.stderr_path = options.stderr_path.c_str();
  if (options.max_open_files.has_value()) {
    plan.files = rlimit{*options.max_open_files, *options.max_open_files};
  }
  plan.talk = options.talk;
  plan.parent = getpid();
  if (options.talk && !(plan.to_child.Open() && plan.from_child.Open())) {
    return absl::InternalError(absl::StrCat("pipe2: ", std::strerror(errno)));
  }

  const pid_t pid = fork();
  if (pid == 0) plan.Run();
  CloseIfOpen(plan.to_child.read_end);
  CloseIfOpen(plan.from_child.write_end);
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  child->stdin_fd_ = plan.to_child.write_end;
  child->stdout_fd_ = plan.from_child.read_end;
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", std::strerror(errno)));
  child->pid_ = pid;
  // glibc 2.36 declares pidfd_open for C only.
  child->pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (child->pid_fd_ < 0) {
    return absl::InternalError(absl::StrCat("pidfd_open: ", std::strerror(errno)));
  }
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !ended_.has_value()) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  CloseIfOpen(pid_fd_);
  CloseIfOpen(stdin_fd_);
  CloseIfOpen(stdout_fd_);
}

void ChildProcess::Signal(int signal) {
  if (!ended_.has_value()) kill(pid_, signal);
}

std::optional<ExitStatus> ChildProcess::WaitForExit(std::chrono::milliseconds limit) {
  if (ended_.has_value()) return ended_;
  if (PollFor(pid_fd_, POLLIN, limit) <= 0) return std::nullopt;
  int status = 0;
  waitpid(pid_, &status, 0);
  ended_ = WIFSIGNALED(status) ? ExitStatus{.signal = WTERMSIG(status)}
                               : ExitStatus{.code = WEXITSTATUS(status)};
  return ended_;
}

bool ChildProcess::WriteLine(const std::string& line) {
  const std::string bytes = line + "\n";
  // A child that has died must not end the test by SIGPIPE.
  signal(SIGPIPE, SIG_IGN);
  return write(stdin_fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

std::optional<std::string> ChildProcess::ReadLine(std::chrono::milliseconds limit) {
  const Stopwatch watch;
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (PollFor(stdout_fd_, POLLIN, limit - watch.Elapsed()) <= 0) return std::nullopt;
    char bytes[4096];
    const ssize_t count = read(stdout_fd_, bytes, sizeof(bytes));
    if (count <= 0) return std::nullopt;
    unread_.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace holdfast
