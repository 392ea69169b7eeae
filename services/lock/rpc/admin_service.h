// holdfast.v1.AdminService over gRPC's completion queues; see lock_service.h.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_

#include "holdfast/v1/admin_service.grpc.pb.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/unary_call.h"

namespace holdfast {

using RawAdminService = v1::AdminService::WithRawMethod_ForceRelease<
    v1::AdminService::WithRawMethod_ReleaseByTag<v1::AdminService::Service>>;

// Thread-safe.
class AdminServiceImpl final : public RawAdminService {
 public:
  explicit AdminServiceImpl(const CallStarter& starter) : starter_(starter) {}

  // Lets `loop` serve all methods. It must be stopped before this goes.
  void ServeOn(CallLoop& loop) {
    loop.Accept(*this, &AdminServiceImpl::RequestForceRelease,
                [this] { return new UnaryCall<v1::ForceReleaseRequest>(starter_); });
    loop.Accept(*this, &AdminServiceImpl::RequestReleaseByTag,
                [this] { return new UnaryCall<v1::ReleaseByTagRequest>(starter_); });
  }

 private:
  const CallStarter starter_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_
