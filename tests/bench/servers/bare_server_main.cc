// A gRPC server that does nothing: it takes the lock service's messages, and answers
// with messages of the usual size. `bare_server ADDRESS` serves until it is killed.

#include <cstdio>
#include <string>

#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast {
namespace {

void Fill(v1::Lease& lease, const std::string& key, const std::string& lease_id) {
  lease.set_key(key);
  lease.set_lease_id(lease_id);
  lease.set_fencing_token(1);
  lease.set_owner("worker@host-17:31337");
  lease.mutable_expire()->set_seconds(30);
  lease.mutable_remaining()->set_seconds(30);
  lease.mutable_elapsed();
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

class BareService final : public v1::LockService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const v1::AcquireRequest* request,
                                    v1::AcquireResponse* response) override {
    Fill(*response->mutable_lease(), request->key(), request->lease_id());
    return Answer(context);
  }

  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const v1::ReleaseRequest* /*request*/,
                                    v1::ReleaseResponse* /*response*/) override {
    return Answer(context);
  }

  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override {
    Fill(*response->mutable_lease(), request->key(), request->lease_id());
    return Answer(context);
  }
};

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bare_server ADDRESS\n", stderr);
    return 64;
  }
  holdfast::BareService service;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 69;
  server->Wait();
}
