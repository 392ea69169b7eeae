#include "clients/cpp/transport/grpc_calls.h"

#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::core {

void GrpcWaitCall::Start(std::shared_ptr<GrpcWaitCall> call, v1::LockService::Stub& stub,
                         std::shared_ptr<CallRegistry> registry) {
  if (!registry->Add(call)) {
    call->events_.on_end(absl::CancelledError("the client was destroyed"));
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

}  // namespace holdfast::core
