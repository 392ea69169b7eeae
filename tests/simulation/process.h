// A simulated process: it has a clock of its own, can be stopped and go on (SIGSTOP),
// and can die.
//
// What a process does, it does in actions that are scheduled here, by its own clock.
// While it is stopped none of them runs; those that came due meanwhile run when it
// goes on. When it dies they are forgotten. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_PROCESS_H_
#define HOLDFAST_TESTS_SIMULATION_PROCESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tests/simulation/timeline.h"

namespace holdfast::simulation {

// How a clock differs from the time line: where it begins, and its speed.
struct ClockSkew {
  Duration offset{};
  int parts_per_million = 0;
};

class Process {
 public:
  using TimerId = std::uint64_t;  // 0 names none.

  // `timeline` outlives it.
  Process(Timeline& timeline, ClockSkew skew) : timeline_(timeline), skew_(skew) {}
  ~Process() { *alive_ = false; }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // What its clock shows.
  Duration LocalNow() const { return LocalAt(timeline_.now()); }

  // The moment at which its clock shows `local`; kForever for Duration::max().
  Time TrueTime(Duration local) const;

  // Runs `action` when its clock shows `local`.
  TimerId At(Duration local, Action action);
  TimerId After(Duration span, Action action) { return At(LocalNow() + span, std::move(action)); }
  void Cancel(TimerId timer) { actions_.erase(timer); }

  void Stop() {
    stopped_ = true;
    ++stops_;
  }
  void Continue();
  bool stopped() const { return stopped_; }
  std::uint64_t stops() const { return stops_; }  // How often it was.

  // Forgets all that was scheduled. What is scheduled from now on is another process
  // with the same clock.
  void Die();

 private:
  Duration LocalAt(Time time) const;
  void Fire(TimerId timer);

  Timeline& timeline_;
  const ClockSkew skew_;
  bool stopped_ = false;
  std::uint64_t stops_ = 0;
  TimerId last_timer_ = 0;
  std::map<TimerId, Action> actions_;
  std::vector<TimerId> held_back_;  // Came due while it was stopped.
  // For what is on the time line when the process goes.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_PROCESS_H_
