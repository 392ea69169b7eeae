// The calls that are under way, so that they can be ended together.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_CALL_REGISTRY_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_CALL_REGISTRY_H_

#include <memory>
#include <unordered_map>

#include "common/mutex.h"
#include "common/thread_annotations.h"

namespace holdfast::core {

// Thread-safe.
class CallRegistry {
 public:
  class Call {
   public:
    virtual ~Call() = default;
    virtual void Cancel() = 0;
  };

  // Keeps `call` alive until it is removed. False, and without effect, once the
  // registry was shut down.
  bool Add(std::shared_ptr<Call> call);

  // Forgets a call; the last thing that it does.
  void Remove(const Call* call);

  // Cancels every call and waits until all were removed and destroyed.
  void Shutdown();

 private:
  Mutex mutex_;
  CondVar finished_;
  bool shut_down_ GUARDED_BY(mutex_) = false;
  std::unordered_map<const Call*, std::shared_ptr<Call>> calls_ GUARDED_BY(mutex_);
  int unfinished_ GUARDED_BY(mutex_) = 0;  // Added and not yet destroyed.
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_CALL_REGISTRY_H_
