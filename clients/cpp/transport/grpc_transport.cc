#include "clients/cpp/transport/grpc_transport.h"

#include <chrono>
#include <utility>

#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/channel.h"
#include "clients/cpp/transport/convert.h"
#include "clients/cpp/transport/grpc_calls.h"

namespace holdfast::core {
namespace {

// Leases of a few seconds are to outlive a restart of the server.
constexpr Duration kLongestPause = std::chrono::seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Create(std::string_view address) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  return std::unique_ptr<GrpcTransport>(new GrpcTransport(std::string(address)));
}

GrpcTransport::GrpcTransport(const std::string& address)
    : waits_(v1::LockService::NewStub(OpenChannel(address, kLongestPause))),
      short_calls_(v1::LockService::NewStub(OpenChannel(address, kLongestPause))) {}

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
