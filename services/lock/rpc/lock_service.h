// holdfast.v1.LockService over gRPC's callback API: parses, validates and
// converts a request, and hands it to the engine. The engine's outcome finishes
// the call, so no thread of gRPC's ever waits for anything.
//
// The methods are the raw ones, which take bytes: wire.h says why.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_

#include <cstddef>
#include <cstdint>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/call_starter.h"
#include "services/lock/rpc/open_streams.h"

namespace holdfast {

// Each is a flag of holdfastd with the same name in kebab-case.
struct RpcLimits {
  // Wait calls that are open at the same time: ten of the tests' crowds.
  std::uint32_t max_open_waits = 100'000;

  // Watch calls that are open at the same time. Every event is matched against
  // each, on the engine's thread.
  std::uint32_t max_watches = 1'000;

  // Events that a watch may be behind. More than a page of a snapshot; an event
  // has 3,000 bytes at the most and a few hundred as a rule.
  std::uint32_t max_watch_backlog = 10'000;

  // The longest request, in bytes: the largest valid one has about 3,000, and
  // unknown fields of newer clients are let through.
  std::uint32_t max_message_bytes = 65'536;
};

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
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_LOCK_SERVICE_H_
