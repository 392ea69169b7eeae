// The program `holdfast`, as a shell would run it.
//
//   EXPECT_EQ(CliProgram({"ls"}, server).Finish().status.code, 0);

#ifndef HOLDFAST_TESTS_INTEGRATION_CLI_PROGRAM_H_
#define HOLDFAST_TESTS_INTEGRATION_CLI_PROGRAM_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace holdfast {

// How a run ended, and what it has printed.
struct CliResult {
  ExitStatus status;
  std::string out{};
  std::string err{};
};

std::ostream& operator<<(std::ostream& out, const CliResult& result);

// Thread-compatible. Use it on the test's main thread alone (see ChildProcess).
class CliProgram {
 public:
  // Starts `holdfast` with these arguments, the first of which is the command; the
  // server's address is put behind it. Aborts if it cannot be started.
  CliProgram(std::vector<std::string> arguments, const std::string& address);
  CliProgram(std::vector<std::string> arguments, const ServerProcess& server)
      : CliProgram(std::move(arguments), server.address()) {}

  pid_t pid() const { return child_->pid(); }
  void Signal(int signal) { child_->Signal(signal); }
  bool WriteLine(const std::string& line) { return child_->WriteLine(line); }

  // The next line of its output; "(silence)" if none comes.
  std::string ReadLine();

  // What it has said on standard error so far.
  std::string Errors() const;

  // Waits for the end. Fails the test if it does not come. What was heard before is not
  // in the result.
  CliResult Finish();

 private:
  TempDir folder_;
  std::unique_ptr<ChildProcess> child_;
};

// The process that renews the lease of a `run`. 0: there is none (yet).
pid_t KeeperOf(const CliProgram& run);

// Whether a process lives; a zombie does not.
bool Lives(pid_t pid);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_INTEGRATION_CLI_PROGRAM_H_
