#include "tests/chaos/delayed_tasks.h"

#include <thread>
#include <utility>

#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

constexpr int kMaxUnderWay = 100;

}  // namespace

bool DelayedTasks::Schedule(std::chrono::milliseconds after, std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (under_way_ >= kMaxUnderWay) return false;
    ++under_way_;
  }
  std::thread([this, after, task = std::move(task)] { Run(after, task); }).detach();
  return true;
}

void DelayedTasks::Run(std::chrono::milliseconds after, const std::function<void()>& task) {
  {
    const Stopwatch watch;
    MutexLock lock(mutex_);
    while (!finishing_ && watch.Elapsed() < after)
      changed_.WaitFor(mutex_, after - watch.Elapsed());
  }
  task();
  // Notified under the lock, because Finish may return right after it.
  MutexLock lock(mutex_);
  --under_way_;
  changed_.NotifyAll();
}

void DelayedTasks::Finish() {
  MutexLock lock(mutex_);
  finishing_ = true;
  changed_.NotifyAll();
  while (under_way_ > 0) changed_.Wait(mutex_);
}

}  // namespace holdfast::chaos
