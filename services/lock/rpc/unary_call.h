// One unary call, from its bytes to its end: a request is parsed, checked against
// its limits, converted and handed to the engine, and the engine's outcome is the
// answer. Its life: server_call.h.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_
#define HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "holdfast/v1/admin_service.pb.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/page_token.h"
#include "services/lock/rpc/permission.h"
#include "services/lock/rpc/server_call.h"
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

// How every method of every service begins. Thread-safe.
class CallStarter {
 public:
  // Both must outlive every call.
  CallStarter(LockEngine& engine, const Callers& callers, std::size_t max_message_bytes)
      : engine_(engine), callers_(callers), max_message_bytes_(max_message_bytes) {}

  // Fills `request`, or says what to answer.
  template <typename Request>
  grpc::Status Read(const grpc::ByteBuffer& bytes, Request& request) const {
    if (bytes.Length() > max_message_bytes_) return LimitExceeded("max_message_bytes");
    if (grpc::Status status = ParseMessage(bytes, request); !status.ok()) return status;
    const std::optional<FieldError> error = Validate(request);
    return error.has_value() ? ToStatus(*error) : grpc::Status::OK;
  }

  LockEngine& engine() const { return engine_; }
  const Callers& callers() const { return callers_; }
  Instant Now() const { return engine_.clock().Read().monotonic; }

 private:
  LockEngine& engine_;
  const Callers& callers_;
  const std::size_t max_message_bytes_;
};

// What does not depend on the request's type. Finishes once, on the loop's thread or on
// whichever tells the engine's outcome.
class EngineCall : public UnaryServerCall, private CallListener {
 protected:
  explicit EngineCall(const CallStarter& starter) : starter_(starter) {}

  // Answers without the engine.
  void Reject(const grpc::Status& status) { Finish(grpc::ByteBuffer(), status); }

  // Hands `body` to the engine and answers with its outcome.
  void Submit(CommandBody body, Subject subject);

  const CallStarter& starter() const { return starter_; }

 private:
  void OnOutcome(Outcome outcome) final;
  void OnCancel() final;
  void OnDone() final;

  const CallStarter& starter_;
  Subject subject_;
  std::optional<CallId> call_id_;              // Absent: the engine knows nothing of it.
  std::optional<UndeliveredCommand> granted_;  // To be reported if it does not arrive.
};

template <typename Request>
class UnaryCall final : public EngineCall {
 public:
  // `starter` must outlive it.
  explicit UnaryCall(const CallStarter& starter) : EngineCall(starter) {}

 private:
  ~UnaryCall() override = default;

  void OnStart() override {
    const Instant received = starter().Now();
    Request request;
    if (const grpc::Status status = starter().Read(this->request(), request); status.ok()) {
      Subject subject = SubjectOf(request);
      auto command = ToCommand(std::move(request), received);
      if (const grpc::Status denied = Permit(starter().callers().Of(context()), command);
          !denied.ok()) {
        return Reject(denied);
      }
      Submit(std::move(command), std::move(subject));
    } else {
      Reject(status);
    }
  }
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_UNARY_CALL_H_
