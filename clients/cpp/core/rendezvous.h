// Where a blocking call waits for the result of an asynchronous one.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RENDEZVOUS_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RENDEZVOUS_H_

#include <chrono>
#include <optional>
#include <utility>

#include "common/mutex.h"
#include "common/thread_annotations.h"

namespace holdfast::core {

// Thread-safe. Shared by both sides, so that the waiting one may give up.
template <typename T>
class Rendezvous {
 public:
  // Called once.
  void Set(T value) {
    MutexLock lock(mutex_);
    value_.emplace(std::move(value));
    set_.NotifyAll();
  }

  // The value. Called once, by one thread.
  T Wait() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) set_.Wait(mutex_);
    return *std::move(value_);
  }

  // The value, or nothing after `limit`. Called instead of Wait.
  std::optional<T> WaitFor(std::chrono::nanoseconds limit) {
    MutexLock lock(mutex_);
    set_.WaitFor(mutex_, limit, [this]() REQUIRES(mutex_) { return value_.has_value(); });
    return std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar set_;
  std::optional<T> value_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RENDEZVOUS_H_
