// std::mutex with annotations that clang checks.
//
// Why not absl::Mutex: the installed abseil is not instrumented, and the thread
// sanitizer then reports correctly locked code as a race.

#ifndef HOLDFAST_COMMON_MUTEX_H_
#define HOLDFAST_COMMON_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "common/thread_annotations.h"

namespace holdfast {

// Thread-safe. Not re-entrant.
class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for Mutex. Waits may end for no reason: call them in a
// loop that checks the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Waits for at most `limit`, on the steady clock.
  void WaitFor(Mutex& mutex, std::chrono::nanoseconds limit) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(lock, limit);
    lock.release();
  }

  // As above, until `done` is true. Whether it is true.
  template <typename Predicate>
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds limit, Predicate done) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool is_done = condition_.wait_for(lock, limit, done);
    lock.release();
    return is_done;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace holdfast

#endif  // HOLDFAST_COMMON_MUTEX_H_
