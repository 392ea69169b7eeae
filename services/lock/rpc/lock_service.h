// holdfast.v1.LockService over gRPC's completion queues: parses, validates and
// converts a request, and hands it to the engine. The engine's outcome finishes
// the call, so no thread that serves calls ever waits for anything.
//
// The methods are the raw ones, which take bytes: wire.h says why.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_

#include <cstddef>

#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/lock/rpc/stream_call.h"
#include "services/lock/rpc/unary_call.h"
#include "services/lock/rpc/watch_reactor.h"

namespace holdfast {

using RawLockService = v1::LockService::WithRawMethod_Acquire<v1::LockService::WithRawMethod_Wait<
    v1::LockService::WithRawMethod_Release<v1::LockService::WithRawMethod_Renew<
        v1::LockService::WithRawMethod_Get<v1::LockService::WithRawMethod_List<
            v1::LockService::WithRawMethod_Watch<v1::LockService::Service>>>>>>>;

// Thread-safe.
class LockServiceImpl final : public RawLockService {
 public:
  LockServiceImpl(const CallStarter& starter, const RpcLimits& limits)
      : starter_(starter),
        max_watch_backlog_(limits.max_watch_backlog),
        open_waits_(limits.max_open_waits),
        open_watches_(limits.max_watches) {}

  // Lets `loop` serve all methods. It must be stopped before this goes.
  void ServeOn(CallLoop& loop);

 private:
  const CallStarter starter_;
  const std::size_t max_watch_backlog_;
  OpenStreams open_waits_;
  OpenStreams open_watches_;
  WatchWriting watch_writing_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
