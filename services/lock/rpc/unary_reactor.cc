#include "services/lock/rpc/unary_reactor.h"

#include <utility>
#include <variant>

#include "grpcpp/server_context.h"

namespace holdfast {

void UnaryReactor::Submit(CommandBody body, Subject subject) {
  subject_ = std::move(subject);
  call_id_ = engine_.Submit(std::move(body), this);
}

void UnaryReactor::OnOutcome(Outcome outcome) {
  if (const Granted* granted = std::get_if<Granted>(&outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    granted_ = {.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token};
  }
  UnaryAnswer answer = ToAnswer(std::move(outcome), subject_);
  response_.Swap(&answer.message);
  Finish(std::move(answer.status));
}

void UnaryReactor::OnCancel() {
  if (call_id_.has_value()) engine_.Cancel(*call_id_);
}

void UnaryReactor::OnDone() {
  if (granted_.has_value() && context_.IsCancelled()) {
    engine_.ReportUndelivered(*std::move(granted_));
  }
  delete this;
}

}  // namespace holdfast
