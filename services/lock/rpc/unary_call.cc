#include "services/lock/rpc/unary_call.h"

#include <utility>
#include <variant>

namespace holdfast {
namespace {

struct Answer {
  grpc::Status status;
  grpc::ByteBuffer message;  // Where the status is OK.
};

Answer Ok(const google::protobuf::Message& response) {
  return {.status = grpc::Status::OK, .message = SerializeMessage(response)};
}

// One overload for each alternative of Outcome, so that a new one does not
// compile before it has an answer.
class Answerer {
 public:
  explicit Answerer(const Subject& subject) : subject_(subject) {}

  Answer operator()(Granted&& granted) const { return Ok(ToResponse(std::move(granted))); }
  Answer operator()(Renewed&& renewed) const { return Ok(ToResponse(std::move(renewed))); }
  Answer operator()(Released&&) const { return Ok(v1::ReleaseResponse()); }
  Answer operator()(Shown&& shown) const { return Ok(ToResponse(std::move(shown))); }
  Answer operator()(Listed&& listed) const {
    return Ok(ToResponse(std::move(listed), subject_.filter_fingerprint));
  }
  Answer operator()(Forced&& forced) const { return Ok(ToResponse(std::move(forced))); }
  Answer operator()(ForcedPage&& page) const {
    return Ok(ToResponse(std::move(page), subject_.filter_fingerprint));
  }
  Answer operator()(Refused&& refused) const {
    return {.status = ToStatus(refused, subject_.key), .message = {}};
  }
  Answer operator()(Queued&&) const { return Unexpected(); }
  Answer operator()(Watched&&) const { return Unexpected(); }
  Answer operator()(Drained&&) const { return Unexpected(); }
  Answer operator()(Attached&&) const { return Unexpected(); }
  Answer operator()(LeaseGone&&) const { return Unexpected(); }
  Answer operator()(RenewedAll&&) const { return Unexpected(); }
  Answer operator()(Detached&&) const { return Unexpected(); }

 private:
  static Answer Unexpected() {
    return {.status = InternalError("no outcome of a unary call"), .message = {}};
  }

  const Subject& subject_;
};

}  // namespace

void EngineCall::Submit(CommandBody body, Subject subject) {
  subject_ = std::move(subject);
  call_id_ = starter_.engine().Submit(std::move(body), this, LockEngine::Begin::kAtTakeTurn);
}

void EngineCall::OnOutcome(Outcome outcome) {
  if (const Granted* granted = std::get_if<Granted>(&outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    granted_ = {.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token};
  }
  const Answer answer = std::visit(Answerer(subject_), std::move(outcome));
  Finish(answer.message, answer.status);
}

void EngineCall::OnCancel() {
  if (call_id_.has_value()) starter_.engine().Cancel(*call_id_);
}

void EngineCall::OnDone() {
  if (granted_.has_value() && cancelled()) {
    starter_.engine().ReportUndelivered(*std::move(granted_));
  }
  delete this;
}

}  // namespace holdfast
