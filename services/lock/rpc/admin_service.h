// holdfast.v1.AdminService over gRPC's callback API; see lock_service.h.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_
#define HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "services/lock/rpc/unary_call.h"

namespace holdfast {

using RawAdminService = v1::AdminService::WithRawCallbackMethod_ForceRelease<
    v1::AdminService::WithRawCallbackMethod_ReleaseByTag<v1::AdminService::Service>>;

// Thread-safe.
class AdminServiceImpl final : public RawAdminService {
 public:
  explicit AdminServiceImpl(const CallStarter& starter) : starter_(starter) {}

  grpc::ServerUnaryReactor* ForceRelease(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override {
    return starter_.Start<v1::ForceReleaseRequest>(*context, *request, *response);
  }
  grpc::ServerUnaryReactor* ReleaseByTag(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override {
    return starter_.Start<v1::ReleaseByTagRequest>(*context, *request, *response);
  }

 private:
  const CallStarter starter_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_ADMIN_SERVICE_H_
