#include "services/lock/rpc/stalled_sessions.h"

#include <chrono>

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks(250);

}  // namespace

StalledSessions::~StalledSessions() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.NotifyOne();
  thread_.join();
}

bool StalledSessions::Watch(MayStall& session) {
  bool goes_on = true;
  {
    MutexLock lock(mutex_);
    goes_on = !stopped_;
    sessions_.insert(&session);
    look_ = true;
  }
  changed_.NotifyOne();
  return goes_on;
}

void StalledSessions::Remove(MayStall& session) {
  MutexLock lock(mutex_);
  sessions_.erase(&session);
}

void StalledSessions::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (MayStall* session : sessions_) session->EndIfUnknown();
}

void StalledSessions::Run() {
  MutexLock lock(mutex_);
  while (!ending_) {
    if (look_) {
      look_ = EndStalled();
      changed_.WaitFor(mutex_, kBetweenLooks);
    } else {
      changed_.Wait(mutex_);
    }
  }
}

// Whether any are still there.
bool StalledSessions::EndStalled() {
  const Instant now = clock_.Read().monotonic;
  bool any = false;
  for (MayStall* session : sessions_) any = session->EndIfStalled(now) || any;
  return any;
}

}  // namespace holdfast
