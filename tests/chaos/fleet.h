// The processes of clients of one run, and what befalls them.

#ifndef HOLDFAST_TESTS_CHAOS_FLEET_H_
#define HOLDFAST_TESTS_CHAOS_FLEET_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/chaos/chaos_process.h"
#include "tests/chaos/recorder.h"

namespace holdfast::chaos {

struct FleetOptions {
  std::string address{};    // Of the lock server, or of a proxy before it.
  std::string registers{};  // The path of the guarded registers.
  std::string folder{};     // For the files of what they record.
  std::uint32_t first_client = 1;
  std::uint64_t seed = 0;
  bool survives = false;  // Nobody will be killed.
};

// Thread-compatible. Use it on the test's main thread alone (see ChildProcess).
class Fleet {
 public:
  // `recorder` outlives it.
  Fleet(const FleetOptions& options, Recorder& recorder);

  // Starts what there is of each kind: clients of the raw API and of the library.
  void Start();

  // Kills one of the processes that are not paused, and starts another in its place.
  // REQUIRES: they do not survive.
  void KillOne();

  // Pauses one of them for a while, unless that would leave none at work.
  void PauseOne(std::chrono::nanoseconds time);

  // Lets those go on whose time has come.
  void ContinueDue();

  // Lets all finish their turns and end. What has gone wrong with one of them is
  // appended to `findings`.
  void Stop(std::vector<std::string>& findings);

  // The files of all processes so far.
  const std::vector<std::string>& histories() const { return histories_; }

  // The first number that none of its clients has had.
  std::uint32_t next_client() const { return next_client_; }

  std::uint64_t kills() const { return kills_; }
  std::uint64_t pauses() const { return pauses_; }

 private:
  struct Member {
    std::unique_ptr<ChaosProcess> process;
    std::chrono::nanoseconds continue_at{};  // While it is paused.
  };

  void StartOne(const std::string& kind, int workers);
  Member* AnyAtWork();

  const FleetOptions options_;
  Recorder& recorder_;
  std::mt19937_64 random_;
  std::vector<Member> members_;
  std::vector<std::string> histories_;
  std::uint32_t next_client_;
  std::uint64_t kills_ = 0;
  std::uint64_t pauses_ = 0;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_FLEET_H_
