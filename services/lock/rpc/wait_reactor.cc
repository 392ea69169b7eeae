#include "services/lock/rpc/wait_reactor.h"

#include <utility>
#include <variant>

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"

namespace holdfast {

void WaitReactor::OnStart() {
  const Instant received = starter_.Now();
  v1::AcquireRequest request;
  if (const grpc::Status status = starter_.Read(this->request(), request); !status.ok()) {
    Finish(status);
    return;
  }
  key_ = request.key();
  AcquireCommand command = ToWaitCommand(std::move(request), received);
  if (const grpc::Status denied = Permit(starter_.callers().Of(context()), command); !denied.ok()) {
    Finish(denied);
    return;
  }
  place_ = open_waits_.TryOpen();
  if (place_ == nullptr) {
    Finish(LimitExceeded("max_open_waits"));
    return;
  }
  call_id_ = starter_.engine().Submit(std::move(command), this, LockEngine::Begin::kAtTakeTurn);
}

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
  CarryOut(std::move(step));
}

// A write that is under way comes to its end too, so the engine is all that
// needs to know. Its final outcome ends the call.
void WaitReactor::OnCancel() {
  if (call_id_.has_value()) starter_.engine().Cancel(*call_id_);
}

void WaitReactor::OnDone() {
  {
    MutexLock lock(mutex_);
    if (granted_.has_value() && (broken() || cancelled())) {
      starter_.engine().ReportUndelivered(*std::move(granted_));
    }
  }
  delete this;
}

WaitReactor::Step WaitReactor::NextStep() {
  if (final_.has_value()) {
    newest_.reset();
    return LastStep(*std::exchange(final_, std::nullopt));
  }
  Step step;
  if (newest_.has_value()) step.message = ToEvent(*std::exchange(newest_, std::nullopt));
  return step;
}

WaitReactor::Step WaitReactor::LastStep(Outcome outcome) {
  if (Granted* granted = std::get_if<Granted>(&outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    granted_ = {.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token};
    return {.message = ToEvent(std::move(*granted)), .end = grpc::Status::OK};
  }
  if (const Refused* refused = std::get_if<Refused>(&outcome)) {
    return {.message = std::nullopt, .end = ToStatus(*refused, key_)};
  }
  return {.message = std::nullopt, .end = InternalError("no outcome of a Wait call")};
}

}  // namespace holdfast
