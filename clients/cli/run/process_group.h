// A command and what it starts, as one thing to signal.

#ifndef HOLDFAST_CLIENTS_CLI_RUN_PROCESS_GROUP_H_
#define HOLDFAST_CLIENTS_CLI_RUN_PROCESS_GROUP_H_

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/run/process_tree.h"

namespace holdfast::cli {

struct CommandLine {
  std::vector<std::string> arguments;    // The first is the program, sought in PATH.
  std::vector<std::string> environment;  // `NAME=value`.
  sigset_t blocked_signals{};            // Of the command.
};

// Thread-compatible. Used by the thread that has started it, which must live as long as
// the command: the kernel kills the command when that thread ends.
class ProcessGroup {
 public:
  // Starts the command in a process group of its own, whose leader it is.
  //
  // NOT_FOUND: there is no such program. PERMISSION_DENIED: there is, and it cannot be
  // executed. RESOURCE_EXHAUSTED: no process can be started.
  static absl::StatusOr<std::unique_ptr<ProcessGroup>> Start(const CommandLine& command);

  // Lets go of the command, whether it has ended or not.
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  pid_t id() const { return leader_; }

  void Signal(int signal) const;

  // Signals those of our descendants as well that have left the group.
  void SignalAll(Descendants which, int signal) const;

  // What has happened to the command since the last call; also takes away the zombies of
  // what it has left behind. To be called after each SIGCHLD.
  struct News {
    std::optional<int> stopped_by;  // The signal.
    bool ended = false;
  };
  News Look();

  // As a shell would have it. REQUIRES: it has ended.
  int exit_code() const { return exit_code_; }
  bool ended() const { return ended_; }

 private:
  explicit ProcessGroup(pid_t leader) : leader_(leader) {}

  const pid_t leader_;
  bool ended_ = false;
  int exit_code_ = 0;
};

// Makes `to` the foreground process group of this process's terminal, if that is `from`
// now. False: it is not, or there is no terminal. REQUIRES: SIGTTOU is blocked.
bool HandOverTerminal(pid_t from, pid_t to);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_RUN_PROCESS_GROUP_H_
