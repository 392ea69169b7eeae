// How every method of every service begins: bytes into a request, checked against
// its limits, converted, and handed to the engine.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_CALL_STARTER_H_
#define HOLDFAST_SERVICES_LOCK_RPC_CALL_STARTER_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/unary_reactor.h"
#include "services/lock/rpc/validate.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

// Thread-safe.
class CallStarter {
 public:
  // `engine` must outlive every call.
  CallStarter(LockEngine& engine, std::size_t max_message_bytes)
      : engine_(engine), max_message_bytes_(max_message_bytes) {}

  // Fills `request`, or says what to answer.
  template <typename Request>
  grpc::Status Read(const grpc::ByteBuffer& bytes, Request& request) const {
    if (bytes.Length() > max_message_bytes_) return LimitExceeded("max_message_bytes");
    if (grpc::Status status = ParseMessage(bytes, request); !status.ok()) return status;
    const std::optional<FieldError> error = Validate(request);
    return error.has_value() ? ToStatus(*error) : grpc::Status::OK;
  }

  // A whole unary call.
  template <typename Request>
  grpc::ServerUnaryReactor* Start(const grpc::CallbackServerContext& context,
                                  const grpc::ByteBuffer& bytes, grpc::ByteBuffer& response) const {
    const Instant received = Now();
    auto* call = new UnaryReactor(engine_, context, response);
    Request request;
    if (const grpc::Status status = Read(bytes, request); status.ok()) {
      Subject subject = SubjectOf(request);
      call->Submit(ToCommand(std::move(request), received), std::move(subject));
    } else {
      call->Reject(status);
    }
    return call;
  }

  LockEngine& engine() const { return engine_; }
  Instant Now() const { return engine_.clock().Read().monotonic; }

 private:
  LockEngine& engine_;
  const std::size_t max_message_bytes_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_CALL_STARTER_H_
