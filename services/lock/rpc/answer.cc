#include "services/lock/rpc/answer.h"

#include <utility>
#include <variant>

#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

UnaryAnswer Ok(const google::protobuf::Message& response) {
  return {.status = grpc::Status::OK, .message = SerializeMessage(response)};
}

// One overload for each alternative of Outcome, so that a new one does not
// compile before it has an answer.
class Answerer {
 public:
  explicit Answerer(const Subject& subject) : subject_(subject) {}

  UnaryAnswer operator()(Granted&& granted) const { return Ok(ToResponse(std::move(granted))); }
  UnaryAnswer operator()(Renewed&& renewed) const { return Ok(ToResponse(std::move(renewed))); }
  UnaryAnswer operator()(Released&&) const { return Ok(v1::ReleaseResponse()); }
  UnaryAnswer operator()(Shown&& shown) const { return Ok(ToResponse(std::move(shown))); }
  UnaryAnswer operator()(Listed&& listed) const {
    return Ok(ToResponse(std::move(listed), subject_.filter_fingerprint));
  }
  UnaryAnswer operator()(Forced&& forced) const { return Ok(ToResponse(std::move(forced))); }
  UnaryAnswer operator()(ForcedPage&& page) const {
    return Ok(ToResponse(std::move(page), subject_.filter_fingerprint));
  }
  UnaryAnswer operator()(Refused&& refused) const {
    return {.status = ToStatus(refused, subject_.key), .message = {}};
  }
  UnaryAnswer operator()(Queued&&) const { return Unexpected(); }
  UnaryAnswer operator()(Watched&&) const { return Unexpected(); }
  UnaryAnswer operator()(Drained&&) const { return Unexpected(); }

 private:
  static UnaryAnswer Unexpected() {
    return {.status = InternalError("no outcome of a unary call"), .message = {}};
  }

  const Subject& subject_;
};

}  // namespace

UnaryAnswer ToAnswer(Outcome&& outcome, const Subject& subject) {
  return std::visit(Answerer(subject), std::move(outcome));
}

}  // namespace holdfast
