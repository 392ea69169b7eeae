// Runs tasks one at a time, in order, on the threads that bring them.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_SERIAL_QUEUE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_SERIAL_QUEUE_H_

#include <atomic>
#include <deque>
#include <thread>

#include "clients/cpp/core/scheduler.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"

namespace holdfast::core {

// Thread-safe.
class SerialQueue {
 public:
  // See Scheduler::Run. A task that runs others only puts them in the queue.
  void Run(Task task);

  bool RunningHere() const { return runner_.load() == std::this_thread::get_id(); }

 private:
  Mutex mutex_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;

  std::atomic<std::thread::id> runner_{};
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_SERIAL_QUEUE_H_
