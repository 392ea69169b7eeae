// The one time line of a simulation, and what is still to happen on it.
//
// Nothing happens but by an action that was put here. Actions run in the order of
// their time, those of the same time in the order in which they were put; so a run is
// decided by its seed alone. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_TIMELINE_H_
#define HOLDFAST_TESTS_SIMULATION_TIMELINE_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tests/support/history/history.h"

namespace holdfast::simulation {

using history::Duration;
using history::Time;

using Action = std::function<void()>;

class Timeline {
 public:
  Time now() const { return now_; }

  // Runs `action` at `when`, or next if that has passed.
  void At(Time when, Action action);
  void After(Duration span, Action action) { At(now_ + span, std::move(action)); }

  // Runs all that is to happen until `end`, which becomes the present.
  void RunUntil(Time end);

  // How many actions have run.
  std::uint64_t steps() const { return steps_; }

 private:
  struct Entry {
    Time when;
    std::uint64_t sequence;
    Action action;
  };

  static bool Later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
  }

  Time now_{};
  std::uint64_t last_sequence_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Entry> heap_;  // By Later: the next is in front.
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_TIMELINE_H_
