#include "tests/support/wait_call.h"

namespace holdfast {

WaitCall::WaitCall(StubClient& client, const AcquireArgs& args) : request_(ToRequest(args)) {
  // No deadline: whoever waits for it has one.
  context_.set_wait_for_ready(true);
  client.stub().async()->Wait(&context_, &request_, this);
  StartRead(&event_);
  StartCall();
}

WaitCall::~WaitCall() {
  context_.TryCancel();
  MutexLock lock(mutex_);
  while (!progress_.ended) changed_.Wait(mutex_);
}

bool WaitCall::AwaitQueued(std::chrono::milliseconds limit) {
  return Await(&Progress::queued, limit);
}

bool WaitCall::AwaitGranted(std::chrono::milliseconds limit) {
  return Await(&Progress::granted, limit);
}

CallStatus WaitCall::AwaitEnd(std::chrono::milliseconds limit) {
  Await(&Progress::ended, limit);
  MutexLock lock(mutex_);
  return status_;
}

bool WaitCall::granted() const {
  MutexLock lock(mutex_);
  return progress_.granted;
}

bool WaitCall::ended() const {
  MutexLock lock(mutex_);
  return progress_.ended;
}

v1::WaitEvent::Queued WaitCall::last_queued() const {
  MutexLock lock(mutex_);
  return last_queued_;
}

v1::Lease WaitCall::lease() const {
  MutexLock lock(mutex_);
  return lease_;
}

int WaitCall::queued_messages() const {
  MutexLock lock(mutex_);
  return queued_messages_;
}

void WaitCall::OnReadDone(bool ok) {
  if (!ok) return;  // OnDone follows.
  {
    MutexLock lock(mutex_);
    if (event_.has_queued()) {
      progress_.queued = true;
      ++queued_messages_;
      last_queued_ = event_.queued();
    } else if (event_.has_granted()) {
      progress_.granted = true;
      lease_ = event_.granted().lease();
    }
    changed_.NotifyAll();
  }
  StartRead(&event_);
}

void WaitCall::OnDone(const grpc::Status& status) {
  // Notified under the lock, because the destructor may return right after it.
  MutexLock lock(mutex_);
  progress_.ended = true;
  status_ = Decode(status);
  changed_.NotifyAll();
}

bool WaitCall::Await(bool Progress::*stage, std::chrono::milliseconds limit) {
  const Stopwatch watch;
  MutexLock lock(mutex_);
  while (!(progress_.*stage) && !progress_.ended && watch.Elapsed() < limit) {
    changed_.WaitFor(mutex_, limit - watch.Elapsed());
  }
  return progress_.*stage;
}

}  // namespace holdfast
