#include "services/lock/rpc/worker_thread.h"

#include <utility>

namespace holdfast {

WorkerThread::~WorkerThread() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.NotifyOne();
  thread_.join();
}

void WorkerThread::Post(std::function<void()> work) {
  bool was_idle = false;
  {
    MutexLock lock(mutex_);
    was_idle = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (was_idle) changed_.NotifyOne();
}

void WorkerThread::Run() {
  std::vector<std::function<void()>> taken;
  while (true) {
    taken.clear();
    {
      MutexLock lock(mutex_);
      while (posted_.empty() && !ending_) changed_.Wait(mutex_);
      if (posted_.empty()) return;
      taken.swap(posted_);
    }
    for (const std::function<void()>& work : taken) work();
  }
}

}  // namespace holdfast
