// A lock that is held, and those who wait for it.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_WAITING_H_
#define HOLDFAST_TESTS_BENCH_LOAD_WAITING_H_

#include <sys/types.h>

#include <deque>
#include <optional>
#include <vector>

#include "common/mutex.h"
#include "tests/bench/load/driver.h"

namespace holdfast::bench {

// Thread-compatible.
class WaitingLine {
 public:
  // Acquires the key and then queues so many waiters for it, without a look at
  // whether they have arrived.
  WaitingLine(Driver& driver, int waiters);
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;
  // REQUIRES: never destroyed; the waiters' operations are under way.
  ~WaitingLine();

  // False: the key could not be acquired, or a waiter has been refused.
  bool ok() EXCLUDES(mutex_);

  // Releases, waits for the next grant, and queues who has held again. The time from
  // one to the other; absent: it did not come.
  std::optional<Microseconds> HandOver() EXCLUDES(mutex_);

 private:
  class Waiter;

  void Acquire(Waiter& waiter);
  void OnGranted(Waiter& waiter, bool ok) EXCLUDES(mutex_);
  void OnReleased(bool ok) EXCLUDES(mutex_);
  bool AwaitGrant() EXCLUDES(mutex_);

  Driver& driver_;
  std::deque<Waiter> waiters_;

  Mutex mutex_;
  CondVar changed_;
  Waiter* holder_ GUARDED_BY(mutex_) = nullptr;
  SteadyTime granted_at_ GUARDED_BY(mutex_);
  bool released_ GUARDED_BY(mutex_) = true;
  bool failed_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_WAITING_H_
