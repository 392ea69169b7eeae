// Where the lock logic runs: one task at a time, now or at a given time.
//
// Everything that decides anything about acquires and leases happens in tasks of
// the client's one scheduler, so none of it needs a lock, and tests can drive all
// of it by hand. A task runs on whichever thread brought it, or on the one that is
// running tasks already; there is no thread to hand it over to. So a task must be
// short, must not block, and never runs code of the library's user.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_SCHEDULER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_SCHEDULER_H_

#include <compare>
#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "clients/cpp/core/clock.h"
#include "holdfast/time.h"

namespace holdfast::core {

using Task = absl::AnyInvocable<void()>;

// Names a timer. The default names none.
struct TimerId {
  MonotonicTime when;
  std::uint64_t sequence = 0;

  auto operator<=>(const TimerId&) const = default;
};

class Scheduler : public Clock {
 public:
  // Runs `task` before returning, or has the thread run it that is running tasks
  // now. In the order of the calls. Thread-safe.
  virtual void Run(Task task) = 0;

  // Whether the calling thread is inside of a task. Thread-safe.
  virtual bool InTask() const = 0;

  // Runs `task` at `when`, or soon if that has passed. REQUIRES: InTask().
  virtual TimerId At(MonotonicTime when, Task task) = 0;

  // Drops a timer, if it has not run yet. REQUIRES: InTask().
  virtual void Cancel(TimerId timer) = 0;

  // Timers do not run any more, but tasks do. REQUIRES: not InTask().
  virtual void Stop() = 0;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_SCHEDULER_H_
