#include "tests/chaos/errands.h"

#include <thread>
#include <utility>

#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

constexpr int kMaxUnderWay = 100;

}  // namespace

bool Errands::Send(std::chrono::milliseconds after, std::function<void()> errand) {
  {
    MutexLock lock(mutex_);
    if (under_way_ >= kMaxUnderWay) return false;
    ++under_way_;
  }
  std::thread([this, after, errand = std::move(errand)] { Run(after, errand); }).detach();
  return true;
}

void Errands::Run(std::chrono::milliseconds after, const std::function<void()>& errand) {
  {
    const Stopwatch watch;
    MutexLock lock(mutex_);
    while (!hurry_ && watch.Elapsed() < after) changed_.WaitFor(mutex_, after - watch.Elapsed());
  }
  errand();
  // Notified under the lock, because Finish may return right after it.
  MutexLock lock(mutex_);
  --under_way_;
  changed_.NotifyAll();
}

void Errands::Finish() {
  MutexLock lock(mutex_);
  hurry_ = true;
  changed_.NotifyAll();
  while (under_way_ > 0) changed_.Wait(mutex_);
}

}  // namespace holdfast::chaos
