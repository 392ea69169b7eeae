// A lock client in a process of its own: lock_client_main.cc, which says what it
// understands and what it answers.

#ifndef HOLDFAST_TESTS_SUPPORT_CLIENT_PROCESS_H_
#define HOLDFAST_TESTS_SUPPORT_CLIENT_PROCESS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/child_process.h"

namespace holdfast {

// Thread-compatible. Use it on the test's main thread alone (see ChildProcess).
class ClientProcess {
 public:
  // Ends the test's process if the client cannot be started.
  explicit ClientProcess(const std::string& address);

  // Sends a command and does not wait for its answer.
  void WriteLine(const std::string& command);

  // The next line of its answers; "(silence)" if none comes within kWaitLimit.
  std::string ReadLine();

  // Reads past "queued" lines until the answer comes.
  std::string ReadOutcome();

  // The token of a "granted" line; 0 if the outcome is another one.
  std::uint64_t ReadToken();

  // Ends the process as a crash does.
  void Kill9();

  // Neither reads nor closes anything from now on, until Continue.
  void Stop();
  void Continue();

 private:
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CLIENT_PROCESS_H_
