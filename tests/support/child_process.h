// A child process that cannot outlive its test: it is killed and reaped when its
// object goes, and by the kernel if the test itself dies.

#ifndef HOLDFAST_TESTS_SUPPORT_CHILD_PROCESS_H_
#define HOLDFAST_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast {

struct ChildOptions {
  std::vector<std::string> argv;  // argv[0] is the program's path.

  // Standard error is appended to this file. Empty: it goes where the test's goes.
  std::string stderr_path{};

  // Connects standard input and output to pipes, for WriteLine and ReadLine.
  bool talk = false;

  // RLIMIT_NOFILE, soft and hard. Absent: the test's own.
  std::optional<unsigned> max_open_files{};

  // "NAME=value", beside the test's own environment.
  std::vector<std::string> environment{};
};

// How a process ended: by exit(code), or by a signal.
struct ExitStatus {
  int code = -1;
  int signal = 0;

  bool operator==(const ExitStatus&) const = default;
};

std::ostream& operator<<(std::ostream& out, const ExitStatus& status);

// Thread-compatible. The thread that calls Start must live as long as the child:
// the kernel kills the child when that thread ends.
class ChildProcess {
 public:
  // INTERNAL: the process or its pipes could not be made. A program that cannot
  // be executed ends with code 127.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildOptions& options);

  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Does nothing once the end has been seen by WaitForExit.
  void Signal(int signal);

  // Waits for the end and reaps. Absent: it has not ended within `limit`.
  std::optional<ExitStatus> WaitForExit(std::chrono::milliseconds limit);

  // REQUIRES: options.talk. False: the child has closed its standard input.
  bool WriteLine(const std::string& line);

  // The next line without its line feed. Absent: nothing came within `limit`, or
  // the child has ended. REQUIRES: options.talk.
  std::optional<std::string> ReadLine(std::chrono::milliseconds limit);

 private:
  ChildProcess() = default;

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int stdin_fd_ = -1;
  int stdout_fd_ = -1;
  std::string unread_;  // What has come behind the last line that was read.
  std::optional<ExitStatus> ended_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CHILD_PROCESS_H_
