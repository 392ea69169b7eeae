#include "clients/cpp/core/loop.h"

namespace holdfast::core {

void Loop::Run(Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (running_) return;
    running_ = true;
  }
  runner_ = std::this_thread::get_id();
  for (;;) {
    Task next;  // Also destroyed outside of the mutex: it may own anything.
    {
      MutexLock lock(mutex_);
      if (tasks_.empty()) {
        runner_ = std::thread::id();
        running_ = false;
        return;
      }
      next = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(next)();
  }
}

}  // namespace holdfast::core
