#include "clients/cpp/transport/grpc_transport.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <utility>

#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/convert.h"
#include "clients/cpp/transport/grpc_calls.h"

namespace holdfast::core {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // Channels of one process with the same arguments otherwise share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);

  // Leases run on while there is no connection, so it is sought again quickly: gRPC's
  // own pauses grow to two minutes, and one try may take 20 s.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);

  // A wait may be silent for hours. A connection whose other end has vanished without
  // a word is noticed by this. The server closes connections that ping more often than
  // every 10 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  // Silence is no reason to stop: the default is two pings without data.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);

  // The lock logic retries by itself, and knows what may be retried.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A proxy for web pages has no business between a program and its locks.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Create(std::string_view address) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  return std::unique_ptr<GrpcTransport>(new GrpcTransport(std::string(address)));
}

GrpcTransport::GrpcTransport(const std::string& address)
    : waits_(v1::LockService::NewStub(MakeChannel(address))),
      short_calls_(v1::LockService::NewStub(MakeChannel(address))) {}

GrpcTransport::~GrpcTransport() { calls_->Shutdown(); }

std::shared_ptr<LockTransport::WaitCall> GrpcTransport::Wait(const WaitRequest& request,
                                                             WaitEvents events) {
  auto call = std::make_shared<GrpcWaitCall>(ToProto(request), std::move(events));
  GrpcWaitCall::Start(call, *waits_, calls_);
  return call;
}

void GrpcTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                          absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  using Call = GrpcUnaryCall<v1::RenewRequest, v1::RenewResponse>;
  v1::RenewRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  auto call =
      std::make_shared<Call>(std::move(request), limit,
                             [done = std::move(done)](const grpc::Status& status,
                                                      const v1::RenewResponse& response) mutable {
                               if (status.ok()) {
                                 done(GrantFrom(response.lease()));
                               } else {
                                 done(StatusFrom(status));
                               }
                             });
  Call::Start(call, *short_calls_, &v1::LockService::StubInterface::async_interface::Renew, calls_);
}

void GrpcTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                            absl::AnyInvocable<void(absl::Status)> done) {
  using Call = GrpcUnaryCall<v1::ReleaseRequest, v1::ReleaseResponse>;
  v1::ReleaseRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  auto call = std::make_shared<Call>(
      std::move(request), limit,
      [done = std::move(done)](const grpc::Status& status, const v1::ReleaseResponse&) mutable {
        done(StatusFrom(status));
      });
  Call::Start(call, *short_calls_, &v1::LockService::StubInterface::async_interface::Release,
              calls_);
}

void GrpcTransport::Get(const std::string& key, Duration limit,
                        absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  using Call = GrpcUnaryCall<v1::GetRequest, v1::GetResponse>;
  v1::GetRequest request;
  request.set_key(key);
  auto call =
      std::make_shared<Call>(std::move(request), limit,
                             [done = std::move(done)](const grpc::Status& status,
                                                      const v1::GetResponse& response) mutable {
                               if (status.ok()) {
                                 done(LockInfoFrom(response.lock()));
                               } else {
                                 done(StatusFrom(status));
                               }
                             });
  Call::Start(call, *short_calls_, &v1::LockService::StubInterface::async_interface::Get, calls_);
}

}  // namespace holdfast::core
