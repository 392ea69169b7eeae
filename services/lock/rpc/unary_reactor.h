// One unary call, from its request to its end.
//
// Life: made by the service's method, which calls Reject or Submit before it
// hands the object to gRPC. So neither OnCancel nor OnDone can come before the
// engine has named the call, even if the outcome comes within Submit. gRPC calls
// OnDone last; the object then deletes itself. It is still there when the engine
// tells the outcome, because only the outcome finishes the call.
//
// Thread-safe in what gRPC and the engine call: the engine's thread writes
// before Finish, and gRPC's read after it.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_UNARY_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_UNARY_REACTOR_H_

#include <optional>
#include <string>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/answer.h"

namespace holdfast {

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

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_UNARY_REACTOR_H_
