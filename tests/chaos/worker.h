// A client of a chaos run: takes locks turn after turn, writes to what they guard, and
// records all of it.

#ifndef HOLDFAST_TESTS_CHAOS_WORKER_H_
#define HOLDFAST_TESTS_CHAOS_WORKER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "tests/chaos/recorder.h"

namespace holdfast::chaos {

struct WorkerOptions {
  std::string address{};         // Of the lock server, or of a proxy before it.
  std::string registers{};       // The path of the guarded registers.
  Recorder* recorder = nullptr;  // Lives until the process ends.
  std::uint32_t client = 0;      // Its number in the history.
  std::uint64_t seed = 0;

  // It will not be killed, and so may take locks without an expiry.
  bool survives = false;
};

// Used by one thread.
class Worker {
 public:
  virtual ~Worker() = default;

  // Takes turns until `stop`; holds nothing when it returns.
  void Run(const std::atomic<bool>& stop) {
    while (!stop) TakeTurn();
  }

  std::uint64_t turns() const { return turns_; }

  // How often the history alone would not show that something went wrong.
  int findings() const { return findings_; }

 protected:
  virtual void TakeTurn() = 0;

  std::uint64_t BeginTurn() { return ++turns_; }

  // Says so on standard error, which the run's report includes.
  void Report(const std::string& finding);

 private:
  std::uint64_t turns_ = 0;
  int findings_ = 0;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_WORKER_H_
