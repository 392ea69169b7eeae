// Where the client's logic runs: one task at a time, and one alarm.
//
// Everything that decides anything about acquires and leases happens in tasks of the
// client's one loop, so none of it needs a mutex, and tests can drive all of it by hand. A
// task runs on whichever thread brought it, or on the one that is running tasks already;
// there is no thread to hand it over to. So a task must be short, must not block, and
// never runs code of the library's user.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LOOP_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LOOP_H_

#include <atomic>
#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "clients/cpp/core/clock.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/time.h"

namespace holdfast::core {

using Task = absl::AnyInvocable<void()>;

// What time it is, and when an alarm rings, is for those who derive from it to say.
class Loop : public Clock {
 public:
  // Runs `task` before returning, or has the thread run it that is running tasks now. In the
  // order of the calls; a task that runs others only puts them in the queue. Thread-safe.
  void Run(Task task);

  // Whether the calling thread is inside of a task. Thread-safe.
  bool InTask() const { return runner_.load() == std::this_thread::get_id(); }

  // `ring` is called, in a task, when the alarm rings. Called once, before SetAlarm.
  void OnAlarm(std::function<void()> ring) { ring_ = std::move(ring); }

  // Has the alarm ring at `when`, or soon if that has passed, rather than at the time that
  // was set before; it may ring early, too. MonotonicTime::max(): never. REQUIRES: InTask().
  virtual void SetAlarm(MonotonicTime when) = 0;

  // The alarm does not ring any more, but tasks run. REQUIRES: not InTask().
  virtual void Stop() = 0;

 protected:
  // REQUIRES: in a task.
  void Ring() {
    if (ring_) ring_();
  }

 private:
  std::function<void()> ring_;

  Mutex mutex_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;

  std::atomic<std::thread::id> runner_{};
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LOOP_H_
