// holdfast.v1.SessionService over gRPC's completion queues; see lock_service.h.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_

#include "holdfast/v1/session.grpc.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/permission.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/lock/rpc/session_reactor.h"
#include "services/lock/rpc/stream_call.h"

namespace holdfast {

using RawSessionService = v1::SessionService::WithRawMethod_Session<v1::SessionService::Service>;

// Thread-safe.
class SessionServiceImpl final : public RawSessionService {
 public:
  // All but the limits must outlive every call.
  SessionServiceImpl(LockEngine& engine, const Connections& connections, const Callers& callers,
                     const RpcLimits& limits);

  // Lets `loop` serve all methods. It must be stopped before this goes.
  void ServeOn(CallLoop& loop);

  // Ends the streams that have not named their session: the engine's drain tells all
  // others. From now on streams end as they begin.
  void EndUnattached() { shared_.stalled.Stop(); }

 private:
  OpenStreams open_streams_;
  SessionSharing shared_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_
