// Things to be done later, each on a thread of its own.

#ifndef HOLDFAST_TESTS_CHAOS_DELAYED_TASKS_H_
#define HOLDFAST_TESTS_CHAOS_DELAYED_TASKS_H_

#include <chrono>
#include <functional>

#include "common/mutex.h"

namespace holdfast::chaos {

// Thread-safe.
class DelayedTasks {
 public:
  DelayedTasks() = default;
  ~DelayedTasks() { Finish(); }
  DelayedTasks(const DelayedTasks&) = delete;
  DelayedTasks& operator=(const DelayedTasks&) = delete;

  // Calls `task` after a while. False: too many are under way already.
  bool Schedule(std::chrono::milliseconds after, std::function<void()> task) EXCLUDES(mutex_);

  // Lets those that are still to begin do so at once, from now on, and waits until all
  // have come to their end.
  void Finish() EXCLUDES(mutex_);

 private:
  void Run(std::chrono::milliseconds after, const std::function<void()>& task) EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  int under_way_ GUARDED_BY(mutex_) = 0;
  bool finishing_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_DELAYED_TASKS_H_
