// A thread that does what it is handed, in order: for what the engine's thread has no
// time to do itself.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WORKER_THREAD_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WORKER_THREAD_H_

#include <functional>
#include <thread>
#include <vector>

#include "common/mutex.h"

namespace holdfast {

// Thread-safe.
class WorkerThread {
 public:
  WorkerThread() : thread_([this] { Run(); }) {}

  // Does what has been handed over before.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // There is no limit: whoever hands over sees to it that this cannot grow without end.
  void Post(std::function<void()> work);

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WORKER_THREAD_H_
