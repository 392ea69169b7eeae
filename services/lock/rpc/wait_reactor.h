// One Wait call: a stream of where the caller stands, which ends with the grant
// or with an error.
//
// Of the places in the queue that the engine tells while a write is under way only
// the newest is kept, so a client that does not read costs no more memory than one
// that does. The grant goes out last, together with the end of the stream.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_

#include <optional>
#include <string>

#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/server_call.h"
#include "services/lock/rpc/stream_call.h"
#include "services/lock/rpc/unary_call.h"

namespace holdfast {

class WaitReactor final : public StreamCall<WriteServerCall, v1::WaitEvent>, private CallListener {
 public:
  // Both must outlive it.
  WaitReactor(const CallStarter& starter, OpenStreams& open_waits)
      : starter_(starter), open_waits_(open_waits) {}

 private:
  ~WaitReactor() override = default;

  void OnStart() override;

  // CallListener, on any thread.
  void OnOutcome(Outcome outcome) override;

  void OnCancel() override;
  void OnDone() override;

  Step NextStep() override REQUIRES(mutex_);
  Step LastStep(Outcome outcome) REQUIRES(mutex_);

  const CallStarter& starter_;
  OpenStreams& open_waits_;

  // Set by OnStart.
  OpenStreams::Place place_;
  std::string key_;  // For messages.
  std::optional<CallId> call_id_;

  std::optional<Queued> newest_ GUARDED_BY(mutex_);  // Not written yet.
  std::optional<Outcome> final_ GUARDED_BY(mutex_);  // Not carried out yet.
  // To be reported if it does not arrive.
  std::optional<UndeliveredCommand> granted_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WAIT_REACTOR_H_
