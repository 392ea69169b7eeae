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

using Methods = v1::LockService::StubInterface::async_interface;

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Create(std::string_view address) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  return std::unique_ptr<GrpcTransport>(new GrpcTransport(std::string(address)));
}

GrpcTransport::GrpcTransport(const std::string& address)
    : contact_(std::make_shared<ServerContact>(address)),
      waits_(v1::LockService::NewStub(OpenChannel(address, kLongestPause))),
      short_calls_(v1::LockService::NewStub(OpenChannel(address, kLongestPause))) {}

GrpcTransport::~GrpcTransport() { calls_->Shutdown(); }

std::shared_ptr<LockTransport::WaitCall> GrpcTransport::Wait(const WaitRequest& request,
                                                             WaitEvents events) {
  auto call = std::make_shared<GrpcWaitCall>(ToProto(request), std::move(events), contact_);
  GrpcWaitCall::Start(call, *waits_, calls_);
  return call;
}

template <typename Request, typename Response>
void GrpcTransport::Send(typename GrpcUnaryCall<Request, Response>::Method method, Request request,
                         Duration limit, absl::AnyInvocable<void(absl::StatusOr<Response>)> done) {
  using Call = GrpcUnaryCall<Request, Response>;
  const auto call = std::make_shared<Call>(std::move(request), limit, std::move(done), contact_);
  Call::Start(call, *short_calls_, method, calls_);
}

void GrpcTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                          absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  v1::RenewRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  Send<v1::RenewRequest, v1::RenewResponse>(
      &Methods::Renew, std::move(request), limit,
      [done = std::move(done)](absl::StatusOr<v1::RenewResponse> response) mutable {
        if (response.ok()) {
          done(GrantFrom(response->lease()));
        } else {
          done(std::move(response).status());
        }
      });
}

void GrpcTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                            absl::AnyInvocable<void(absl::Status)> done) {
  v1::ReleaseRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  Send<v1::ReleaseRequest, v1::ReleaseResponse>(
      &Methods::Release, std::move(request), limit,
      [done = std::move(done)](absl::StatusOr<v1::ReleaseResponse> response) mutable {
        done(std::move(response).status());
      });
}

void GrpcTransport::Get(const std::string& key, Duration limit,
                        absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  v1::GetRequest request;
  request.set_key(key);
  Send<v1::GetRequest, v1::GetResponse>(
      &Methods::Get, std::move(request), limit,
      [done = std::move(done)](absl::StatusOr<v1::GetResponse> response) mutable {
        if (response.ok()) {
          done(LockInfoFrom(response->lock()));
        } else {
          done(std::move(response).status());
        }
      });
}

}  // namespace holdfast::core
