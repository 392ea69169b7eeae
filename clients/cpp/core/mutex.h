// std::mutex with annotations that clang checks.
//
// Why not absl::Mutex: the installed abseil is not instrumented, and the thread
// sanitizer then reports correctly locked code as a race.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_MUTEX_H_
#define HOLDFAST_CLIENTS_CPP_CORE_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "clients/cpp/core/thread_annotations.h"

namespace holdfast::core {

// Thread-safe. Not re-entrant.
class HOLDFAST_CAPABILITY("mutex") Mutex {
 public:
  void Lock() HOLDFAST_ACQUIRE() { mutex_.lock(); }
  void Unlock() HOLDFAST_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class HOLDFAST_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) HOLDFAST_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() HOLDFAST_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for Mutex. Waits may end for no reason: call them in a
// loop that checks the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) HOLDFAST_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Until `done` is true, but for no longer than `limit`. Whether it is true.
  template <typename Predicate>
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds limit, Predicate done)
      HOLDFAST_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool is_done = condition_.wait_for(lock, limit, done);
    lock.release();
    return is_done;
  }

  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_MUTEX_H_
