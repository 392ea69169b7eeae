// A real holdfastd in a process and a folder of its own.
//
//   ServerProcess server;
//   ASSERT_EQ(server.Start(), absl::OkStatus());
//   StubClient client(server.address());
//
// It listens on a Unix socket in its folder. Kill9 and Start again to see what
// survives a crash: the folder stays until the object goes.

#ifndef HOLDFAST_TESTS_SUPPORT_SERVER_PROCESS_H_
#define HOLDFAST_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace holdfast {

struct ServerOptions {
  std::vector<std::string> flags{};          // Beside --data-dir and --listen.
  std::optional<unsigned> max_open_files{};  // RLIMIT_NOFILE.
  std::string data_dir{};                    // Empty: one in the server's own folder.
  std::vector<std::string> environment{};    // "NAME=value", beside the test's own.
  std::vector<std::string> launcher{};       // A command that runs what is appended to it.
};

// Thread-compatible. Use it on the test's main thread alone (see ChildProcess).
class ServerProcess {
 public:
  explicit ServerProcess(ServerOptions options = {});

  // Starts the server and waits until its health is SERVING.
  // REQUIRES: it does not run.
  // UNAVAILABLE: it has ended instead, or does not serve; the message holds its
  // log.
  absl::Status Start();

  // Starts the server and does not wait. Errors are those of ChildProcess::Start.
  absl::Status Launch();

  // Ends the process as a crash does, and reaps it.
  void Kill9();

  // SIGTERM, then waits for the end. Absent: it has not ended within `limit`.
  std::optional<ExitStatus> Terminate(std::chrono::milliseconds limit);

  // Absent: it has not ended within `limit`. REQUIRES: it has been started.
  std::optional<ExitStatus> WaitForExit(std::chrono::milliseconds limit);

  // REQUIRES: it has been started.
  void Signal(int signal) { child_->Signal(signal); }
  pid_t pid() const { return child_->pid(); }

  // As --listen and as gRPC spell it.
  std::string address() const;
  // The address with the port that was chosen for a further --listen=HOST:0, from
  // the log. REQUIRES: it has started.
  std::string TcpAddress() const;

  const std::string& data_dir() const { return data_dir_; }

  // For the starts from now on.
  void SetEnvironment(std::vector<std::string> environment) {
    options_.environment = std::move(environment);
  }

  // All that it has written to standard error since the object was made.
  std::string Log() const;

 private:
  ServerOptions options_;
  const TempDir folder_;
  const std::string data_dir_;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_SERVER_PROCESS_H_
