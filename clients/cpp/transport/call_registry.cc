#include "clients/cpp/transport/call_registry.h"

#include <utility>
#include <vector>

namespace holdfast::core {

bool CallRegistry::Add(std::shared_ptr<Call> call) {
  MutexLock lock(mutex_);
  if (shut_down_) return false;
  const Call* const name = call.get();
  calls_.emplace(name, std::move(call));
  ++unfinished_;
  return true;
}

void CallRegistry::Remove(const Call* call) {
  std::shared_ptr<Call> removed;  // Destroyed outside of the mutex: it may own anything.
  {
    MutexLock lock(mutex_);
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    removed = std::move(found->second);
    calls_.erase(found);
  }
  // A call has a share of its channel, and this is a thread of gRPC's. If the last
  // share went here, the channel would end the very thread that it is on. So Shutdown
  // waits for this too, and leaves the last share to whoever shuts down.
  removed = nullptr;
  MutexLock lock(mutex_);
  if (--unfinished_ == 0) finished_.NotifyAll();
}

void CallRegistry::Shutdown() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(mutex_);
    shut_down_ = true;
    for (const auto& [name, call] : calls_) calls.push_back(call);
  }
  // Not under the mutex: a call may end in here, and remove itself.
  for (const std::shared_ptr<Call>& call : calls) call->Cancel();
  calls.clear();
  MutexLock lock(mutex_);
  while (unfinished_ > 0) finished_.Wait(mutex_);
}

}  // namespace holdfast::core
