#include "clients/cpp/transport/grpc_transport.h"

#include <chrono>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/channel.h"
#include "clients/cpp/transport/convert.h"
#include "clients/cpp/transport/grpc_calls.h"

namespace holdfast::core {
namespace {

// Leases of a few seconds are to outlive a restart of the server.
constexpr Duration kLongestPause = std::chrono::seconds(1);

using LockMethods = v1::LockService::StubInterface::async_interface;
using AdminMethods = v1::AdminService::StubInterface::async_interface;

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Create(std::string_view address) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  const GrpcUse begins_with_the_channel;
  return std::unique_ptr<GrpcTransport>(
      new GrpcTransport(std::string(address), OpenChannel(std::string(address), kLongestPause)));
}

GrpcTransport::GrpcTransport(const std::string& address,
                             const std::shared_ptr<grpc::Channel>& short_calls)
    : contact_(std::make_shared<ServerContact>(address)),
      waits_(v1::LockService::NewStub(OpenChannel(address, kLongestPause))),
      short_calls_(v1::LockService::NewStub(short_calls)),
      admin_calls_(v1::AdminService::NewStub(short_calls)) {}

GrpcTransport::~GrpcTransport() { calls_->Shutdown(); }

void GrpcTransport::Disconnect() {
  waits_ = nullptr;
  short_calls_ = nullptr;
  admin_calls_ = nullptr;
  use_.reset();
}

std::shared_ptr<LockTransport::WaitCall> GrpcTransport::Wait(const WaitRequest& request,
                                                             WaitEvents events) {
  if (waits_ == nullptr) {
    events.on_end(ClientDestroyed());
    return nullptr;
  }
  auto call = std::make_shared<GrpcWaitCall>(ToProto(request), std::move(events), contact_);
  GrpcWaitCall::Start(call, *waits_, calls_);
  return call;
}

template <typename Service, typename Request, typename Response, typename Result>
void GrpcTransport::Send(const std::unique_ptr<typename Service::Stub>& stub,
                         typename GrpcUnaryCall<Service, Request, Response>::Method method,
                         Request request, Duration limit, Result (*convert)(const Response&),
                         absl::AnyInvocable<void(absl::StatusOr<Result>)> done) {
  if (stub == nullptr) {
    done(ClientDestroyed());
    return;
  }
  using Call = GrpcUnaryCall<Service, Request, Response>;
  const auto call = std::make_shared<Call>(
      std::move(request), limit,
      [convert, done = std::move(done)](absl::StatusOr<Response> response) mutable {
        if (response.ok()) {
          done(convert(*response));
        } else {
          done(std::move(response).status());
        }
      },
      contact_);
  Call::Start(call, *stub, method, calls_);
}

void GrpcTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                          absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  v1::RenewRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  Send<v1::LockService, v1::RenewRequest, v1::RenewResponse, Grant>(
      short_calls_, &LockMethods::Renew, std::move(request), limit,
      [](const v1::RenewResponse& response) { return GrantFrom(response.lease()); },
      std::move(done));
}

void GrpcTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                            absl::AnyInvocable<void(absl::Status)> done) {
  v1::ReleaseRequest request;
  request.set_key(key);
  request.set_lease_id(lease_id);
  struct Released {};
  Send<v1::LockService, v1::ReleaseRequest, v1::ReleaseResponse, Released>(
      short_calls_, &LockMethods::Release, std::move(request), limit,
      [](const v1::ReleaseResponse&) { return Released{}; },
      [done = std::move(done)](const absl::StatusOr<Released>& released) mutable {
        done(released.status());
      });
}

void GrpcTransport::Get(const std::string& key, Duration limit,
                        absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  v1::GetRequest request;
  request.set_key(key);
  Send<v1::LockService, v1::GetRequest, v1::GetResponse, LockInfo>(
      short_calls_, &LockMethods::Get, std::move(request), limit,
      [](const v1::GetResponse& response) { return LockInfoFrom(response.lock()); },
      std::move(done));
}

void GrpcTransport::List(const ListRequest& request, Duration limit,
                         absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) {
  v1::ListRequest proto;
  *proto.mutable_filter() = ToProto(request.filter);
  proto.set_page_token(request.page_token);
  proto.set_page_size(request.page_size);
  Send<v1::LockService, v1::ListRequest, v1::ListResponse, LockPage>(
      short_calls_, &LockMethods::List, std::move(proto), limit, &LockPageFrom, std::move(done));
}

void GrpcTransport::ForceRelease(const std::string& key, std::uint64_t fencing_token,
                                 Duration limit,
                                 absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  v1::ForceReleaseRequest request;
  request.set_key(key);
  request.set_fencing_token(fencing_token);
  Send<v1::AdminService, v1::ForceReleaseRequest, v1::ForceReleaseResponse, HolderInfo>(
      admin_calls_, &AdminMethods::ForceRelease, std::move(request), limit,
      [](const v1::ForceReleaseResponse& response) { return HolderFrom(response.former_holder()); },
      std::move(done));
}

void GrpcTransport::ReleaseByTag(const ReleaseByTagRequest& request, Duration limit,
                                 absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) {
  v1::ReleaseByTagRequest proto;
  proto.mutable_tags()->Add(request.tags.begin(), request.tags.end());
  proto.set_dry_run(request.options.dry_run);
  proto.set_max_fencing_token(request.options.max_fencing_token);
  proto.set_page_token(request.page_token);
  Send<v1::AdminService, v1::ReleaseByTagRequest, v1::ReleaseByTagResponse, ReleaseByTagPage>(
      admin_calls_, &AdminMethods::ReleaseByTag, std::move(proto), limit, &PageFrom,
      std::move(done));
}

std::shared_ptr<LockTransport::WatchCall> GrpcTransport::Watch(const LockFilter& filter,
                                                               WatchEvents events) {
  if (waits_ == nullptr) {
    events.on_end(ClientDestroyed());
    return nullptr;
  }
  v1::WatchRequest request;
  *request.mutable_filter() = ToProto(filter);
  auto call = std::make_shared<GrpcWatchCall>(std::move(request), std::move(events), contact_);
  GrpcWatchCall::Start(call, *waits_, calls_);
  return call;
}

}  // namespace holdfast::core
