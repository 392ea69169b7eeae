// One unary call, from its bytes to its end: a request is parsed, checked against
// its limits, converted and handed to the engine, and the engine's outcome is the
// answer.
//
// Life of a UnaryReactor: made by the service's method, which calls Reject or Submit
// before it hands the object to gRPC. So neither OnCancel nor OnDone can come before
// the engine has named the call, even if the outcome comes within Submit. gRPC calls
// OnDone last; the object then deletes itself. It is still there when the engine
// tells the outcome, because only the outcome finishes the call.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_
#define HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/validate.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

// What an answer needs of its request.
struct Subject {
  std::string key;                       // For messages. Empty where there is none.
  std::uint64_t filter_fingerprint = 0;  // Of what it selects, for the page token.
};

template <typename Request>
Subject SubjectOf(const Request& request) {
  return {.key = request.key()};
}
inline Subject SubjectOf(const v1::ListRequest& request) {
  return {.filter_fingerprint = Fingerprint(request.filter())};
}
inline Subject SubjectOf(const v1::ReleaseByTagRequest& request) {
  return {.filter_fingerprint = Fingerprint(request)};
}

// Thread-safe in what gRPC and the engine call: the engine's thread writes before
// Finish, and gRPC's read after it.
class UnaryReactor final : public grpc::ServerUnaryReactor, private CallListener {
 public:
  // `context` and `response` are gRPC's, and outlive the call.
  UnaryReactor(LockEngine& engine, const grpc::CallbackServerContext& context,
               grpc::ByteBuffer& response)
      : engine_(engine), context_(context), response_(response) {}

  // Answers without the engine.
  void Reject(const grpc::Status& status) { Finish(status); }

  // Hands `body` to the engine and answers with its outcome.
  void Submit(CommandBody body, Subject subject);

 private:
  ~UnaryReactor() override = default;

  // CallListener, on the engine's thread.
  void OnOutcome(Outcome outcome) override;

  // grpc::ServerUnaryReactor, on gRPC's threads.
  void OnCancel() override;
  void OnDone() override;

  LockEngine& engine_;
  const grpc::CallbackServerContext& context_;
  grpc::ByteBuffer& response_;

  Subject subject_;
  std::optional<CallId> call_id_;              // Absent: the engine knows nothing of it.
  std::optional<UndeliveredCommand> granted_;  // To be reported if it does not arrive.
};

// How every method of every service begins. Thread-safe.
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

#endif  // HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_
