#include "clients/cpp/core/queued_callback.h"

#include <thread>
#include <utility>

namespace holdfast::core {

void QueuedCallback::Update(WaitNews news, const std::function<void(Task)>& post) {
  {
    MutexLock lock(mutex_);
    const bool on_its_way = latest_.has_value();
    latest_ = std::move(news);
    if (on_its_way) return;
  }
  post([self = shared_from_this()] { self->ReportLatest(); });
}

void QueuedCallback::ReportLatest() {
  WaitNews news;
  {
    MutexLock lock(mutex_);
    if (ended_ || !latest_.has_value()) return;
    // An executor with several threads may be at the previous report still.
    while (ReportingElsewhere()) quiet_.Wait(mutex_);
    if (ended_ || !latest_.has_value()) return;
    news = *std::exchange(latest_, std::nullopt);
    reporting_ = std::this_thread::get_id();
  }
  report_(news);
  MutexLock lock(mutex_);
  reporting_ = std::thread::id();
  quiet_.NotifyAll();
}

void QueuedCallback::End() {
  MutexLock lock(mutex_);
  ended_ = true;
}

void QueuedCallback::AwaitQuiet() {
  MutexLock lock(mutex_);
  while (ReportingElsewhere()) quiet_.Wait(mutex_);
}

bool QueuedCallback::ReportingElsewhere() const {
  return reporting_ != std::thread::id() && reporting_ != std::this_thread::get_id();
}

}  // namespace holdfast::core
