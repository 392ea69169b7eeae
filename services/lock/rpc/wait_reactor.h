// One Wait call: a stream of where the caller stands, which ends with the grant
// or with an error.
//
// One write is under way at a time. Of the places in the queue that the engine
// tells meanwhile only the newest is kept, so a client that does not read costs
// no more memory than one that does. The grant goes out last, together with the
// end of the stream.
//
// Life: as of UnaryReactor (unary_call.h). The engine's final outcome may meet a write that is
// under way; then the end of that write finishes the call.
//
// Thread-safe in what gRPC and the engine call.
// Invariant: at most one thread has taken a step (Step) and not carried it out.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_

#include <optional>
#include <string>
#include <variant>

#include "common/mutex.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/open_streams.h"

namespace holdfast {

class WaitReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, private CallListener {
 public:
  // `context` is gRPC's and outlives the call.
  WaitReactor(LockEngine& engine, const grpc::CallbackServerContext& context)
      : engine_(engine), context_(context) {}

  // Answers without the engine.
  void Reject(const grpc::Status& status) { Finish(status); }

  // Hands `command` to the engine. `open_streams` has been opened for this call,
  // which closes it.
  void Submit(AcquireCommand command, OpenStreams& open_streams);

 private:
  // What is to be done next.
  struct Nothing {};
  struct Write {
    Queued queued;
  };
  struct End {
    Outcome outcome;
    bool broken = false;  // Nothing can be written any more.
  };
  using Step = std::variant<Nothing, Write, End>;

  ~WaitReactor() override = default;

  // CallListener, on the engine's thread.
  void OnOutcome(Outcome outcome) override;

  // grpc::ServerWriteReactor, on gRPC's threads.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  Step TakeStep() REQUIRES(mutex_);

  // The object may be gone when these return.
  void Carry(Step step);
  void CarryOut(Nothing) {}
  void CarryOut(Write step);
  void CarryOut(End step);

  LockEngine& engine_;
  const grpc::CallbackServerContext& context_;

  // Set by Submit.
  OpenStreams* open_streams_ = nullptr;
  std::string key_;  // For messages.
  std::optional<CallId> call_id_;

  // Of whoever carries out a step; OnDone comes after all steps.
  grpc::ByteBuffer bytes_;
  std::optional<UndeliveredCommand> granted_;  // To be reported if it does not arrive.
  bool undeliverable_ = false;

  Mutex mutex_;
  bool writing_ GUARDED_BY(mutex_) = false;
  bool broken_ GUARDED_BY(mutex_) = false;
  std::optional<Queued> newest_ GUARDED_BY(mutex_);  // Not written yet.
  std::optional<Outcome> final_ GUARDED_BY(mutex_);  // Not carried out yet.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_
