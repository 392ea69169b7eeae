// holdfast.v1.SessionService over gRPC's callback API; see lock_service.h.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "holdfast/v1/session.grpc.pb.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/lock/rpc/session_reactor.h"
#include "services/lock/rpc/stream_call.h"

namespace holdfast {

using RawSessionService =
    v1::SessionService::WithRawCallbackMethod_Session<v1::SessionService::Service>;

// Thread-safe.
class SessionServiceImpl final : public RawSessionService {
 public:
  // `engine` must outlive every call.
  SessionServiceImpl(LockEngine& engine, const RpcLimits& limits);

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(
      grpc::CallbackServerContext* context) override;

 private:
  OpenStreams open_streams_;
  SessionSharing shared_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SESSION_SERVICE_H_
