// A process of chaos_client_main.cc, which the run may pause and kill. What it is made
// to suffer is on record, in the right order: it is said to be stopped once it is, and
// to go on before it does.

#ifndef HOLDFAST_TESTS_CHAOS_CHAOS_PROCESS_H_
#define HOLDFAST_TESTS_CHAOS_CHAOS_PROCESS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/chaos/recorder.h"
#include "tests/support/child_process.h"

namespace holdfast::chaos {

struct ChaosProcessOptions {
  std::string kind{};       // raw, sync or async.
  std::string address{};    // Of the lock server, or of a proxy before it.
  std::string registers{};  // The path of the guarded registers.
  std::string history{};    // The file that it records to.
  std::uint32_t first_client = 0;
  int workers = 1;
  std::uint64_t seed = 0;
  bool survives = false;  // It will not be killed.
};

// Thread-compatible. Use it on the test's main thread alone (see ChildProcess).
class ChaosProcess {
 public:
  // Starts it. Ends the test's process if that cannot be done. `recorder` outlives it.
  ChaosProcess(const ChaosProcessOptions& options, Recorder& recorder);

  const ChaosProcessOptions& options() const { return options_; }
  bool paused() const { return paused_; }

  void Pause();
  void Continue();
  void Kill9();

  // Has it finish its turns and end. REQUIRES: it has been neither killed nor paused.
  void BeginToStop() { child_->WriteLine("stop"); }
  struct Done {
    std::uint64_t turns = 0;
    int findings = 0;
  };
  // Absent: it has not ended in time, or has crashed.
  std::optional<Done> AwaitDone();

 private:
  template <typename What>
  void RecordOfAll();

  const ChaosProcessOptions options_;
  Recorder& recorder_;
  std::unique_ptr<ChildProcess> child_;
  bool paused_ = false;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_CHAOS_PROCESS_H_
