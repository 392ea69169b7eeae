// holdfast.v1.LockService over gRPC's callback API: parses, validates and
// converts a request, and hands it to the engine. The engine's outcome finishes
// the call, so no thread of gRPC's ever waits for anything.
//
// The methods are the raw ones, which take bytes: wire.h says why.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_

#include <cstddef>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/lock/rpc/stream_call.h"
#include "services/lock/rpc/unary_call.h"
#include "services/lock/rpc/watch_reactor.h"

namespace holdfast {

using RawLockService =
    v1::LockService::WithRawCallbackMethod_Acquire<v1::LockService::WithRawCallbackMethod_Wait<
        v1::LockService::WithRawCallbackMethod_Release<v1::LockService::WithRawCallbackMethod_Renew<
            v1::LockService::WithRawCallbackMethod_Get<v1::LockService::WithRawCallbackMethod_List<
                v1::LockService::WithRawCallbackMethod_Watch<v1::LockService::Service>>>>>>>;

// Thread-safe.
class LockServiceImpl final : public RawLockService {
 public:
  LockServiceImpl(const CallStarter& starter, const RpcLimits& limits)
      : starter_(starter),
        max_watch_backlog_(limits.max_watch_backlog),
        open_waits_(limits.max_open_waits),
        open_watches_(limits.max_watches) {}

  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Wait(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* response) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;

 private:
  const CallStarter starter_;
  const std::size_t max_watch_backlog_;
  OpenStreams open_waits_;
  OpenStreams open_watches_;
  WatchWriting watch_writing_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
