#include "clients/cpp/transport/grpc_calls.h"

#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::core {

void GrpcWaitCall::Start(std::shared_ptr<GrpcWaitCall> call, v1::LockService::Stub& stub,
                         std::shared_ptr<CallRegistry> registry) {
  if (!registry->Add(call)) {
    call->events_.on_end(ClientDestroyed());
    return;
  }
  GrpcWaitCall& self = *call;
  self.registry_ = std::move(registry);
  stub.async()->Wait(&self.context_, &self.request_, &self);
  self.StartRead(&self.event_);
  self.StartCall();
}

void GrpcWaitCall::OnReadDone(bool ok) {
  if (!ok) return;  // OnDone comes next, with the reason.
  contact_->NoteAnswer();
  if (event_.has_queued() && events_.on_end) events_.on_queued(QueueInfoFrom(event_.queued()));
  if (event_.has_granted() && events_.on_end) {
    // At once: the end of the stream brings nothing new.
    std::exchange(events_.on_end, nullptr)(GrantFrom(event_.granted().lease()));
  }
  StartRead(&event_);
}

void GrpcWaitCall::OnDone(const grpc::Status& status) {
  if (events_.on_end) {
    absl::Status end = contact_->StatusOf(status);
    if (end.ok()) end = absl::UnavailableError("the stream ended without a grant");
    std::exchange(events_.on_end, nullptr)(std::move(end));
  }
  // Frees this object; the registry outlives the call as long as it is in it.
  const std::shared_ptr<CallRegistry> registry = registry_;
  registry->Remove(this);
}

void GrpcWatchCall::Start(std::shared_ptr<GrpcWatchCall> call, v1::LockService::Stub& stub,
                          std::shared_ptr<CallRegistry> registry) {
  if (!registry->Add(call)) {
    call->events_.on_end(ClientDestroyed());
    return;
  }
  GrpcWatchCall& self = *call;
  self.registry_ = std::move(registry);
  stub.async()->Watch(&self.context_, &self.request_, &self);
  self.AddHold();
  self.StartRead(&self.response_);
  self.StartCall();
}

void GrpcWatchCall::Cancel() {
  context_.TryCancel();
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    if (reading_ != Reading::kPaused) return;
    reading_ = Reading::kOver;
  }
  RemoveHold();
}

void GrpcWatchCall::ReadOn() {
  {
    MutexLock lock(mutex_);
    if (reading_ == Reading::kOn) reading_ = Reading::kToGoOn;
    if (reading_ != Reading::kPaused) return;
    reading_ = Reading::kOn;
  }
  StartRead(&response_);
}

void GrpcWatchCall::OnReadDone(bool ok) {
  bool read_on = false;
  if (ok) {
    contact_->NoteAnswer();
    read_on = events_.on_events(EventsFrom(response_));
  }
  {
    MutexLock lock(mutex_);
    // It may have been told to go on before it is seen to pause.
    read_on = read_on || reading_ == Reading::kToGoOn;
    reading_ = read_on ? Reading::kOn : Reading::kPaused;
    if (!ok || (!read_on && cancelled_)) {
      reading_ = Reading::kOver;
    } else if (!read_on) {
      return;
    }
  }
  if (ok && read_on) {
    StartRead(&response_);
  } else {
    RemoveHold();
  }
}

void GrpcWatchCall::OnDone(const grpc::Status& status) {
  absl::Status end = contact_->StatusOf(status);
  if (end.ok()) end = absl::UnavailableError("the server has ended the watch");
  events_.on_end(std::move(end));
  // Frees this object, as in GrpcWaitCall.
  const std::shared_ptr<CallRegistry> registry = registry_;
  registry->Remove(this);
}

}  // namespace holdfast::core
