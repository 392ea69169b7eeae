#include "services/lock/rpc/wait_reactor.h"

#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

void WaitReactor::Submit(AcquireCommand command, OpenStreams& open_streams) {
  open_streams_ = &open_streams;
  key_ = command.spec.key;
  call_id_ = engine_.Submit(std::move(command), this);
}

// The step is taken in the same breath: as soon as the mutex is free, the end of
// a write may finish the call and with it this object.
void WaitReactor::OnOutcome(Outcome outcome) {
  Step step;
  {
    MutexLock lock(mutex_);
    if (Queued* queued = std::get_if<Queued>(&outcome)) {
      newest_ = std::move(*queued);
    } else {
      final_ = std::move(outcome);
    }
    step = TakeStep();
  }
  Carry(std::move(step));
}

void WaitReactor::OnWriteDone(bool ok) {
  Step step;
  {
    MutexLock lock(mutex_);
    writing_ = false;
    broken_ = broken_ || !ok;
    step = TakeStep();
  }
  Carry(std::move(step));
}

// A write that is under way comes to its end too, so the engine is all that
// needs to know. Its final outcome ends the call.
void WaitReactor::OnCancel() {
  if (call_id_.has_value()) engine_.Cancel(*call_id_);
}

void WaitReactor::OnDone() {
  if (granted_.has_value() && (undeliverable_ || context_.IsCancelled())) {
    engine_.ReportUndelivered(*std::move(granted_));
  }
  if (open_streams_ != nullptr) open_streams_->Close();
  delete this;
}

WaitReactor::Step WaitReactor::TakeStep() {
  if (writing_) return Nothing{};
  if (final_.has_value()) {
    Step step = End{.outcome = std::move(*final_), .broken = broken_};
    final_.reset();
    newest_.reset();
    return step;
  }
  if (!newest_.has_value() || broken_) return Nothing{};
  writing_ = true;
  Step step = Write{std::move(*newest_)};
  newest_.reset();
  return step;
}

void WaitReactor::Carry(Step step) {
  std::visit([this](auto& kind) { CarryOut(std::move(kind)); }, step);
}

void WaitReactor::CarryOut(Write step) {
  bytes_ = SerializeMessage(ToEvent(std::move(step.queued)));
  StartWrite(&bytes_);
}

void WaitReactor::CarryOut(End step) {
  if (Granted* granted = std::get_if<Granted>(&step.outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    granted_ = {.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token};
    undeliverable_ = step.broken;
    if (!step.broken) {
      bytes_ = SerializeMessage(ToEvent(std::move(*granted)));
      StartWriteAndFinish(&bytes_, grpc::WriteOptions(), grpc::Status::OK);
      return;
    }
    Finish(ToStatus(Refused{.reason = Refusal::kCancelled}, key_));
  } else if (const Refused* refused = std::get_if<Refused>(&step.outcome)) {
    Finish(ToStatus(*refused, key_));
  } else {
    Finish(InternalError("no outcome of a Wait call"));
  }
}

}  // namespace holdfast
