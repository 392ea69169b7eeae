// LockTransport over gRPC: one call for each operation, all by the callback API, so
// that no thread waits for any of them.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_TRANSPORT_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_TRANSPORT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/transport/call_registry.h"
#include "clients/cpp/transport/fork_guard.h"
#include "clients/cpp/transport/grpc_calls.h"
#include "clients/cpp/transport/server_contact.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast::core {

// Thread-safe.
class GrpcTransport final : public LockTransport {
 public:
  // To the server at `address`. Connects when the first call is made.
  //
  // INVALID_ARGUMENT: see CheckAddress.
  static absl::StatusOr<std::unique_ptr<GrpcTransport>> Create(std::string_view address);

  // Calls Shutdown.
  ~GrpcTransport() override;

  std::shared_ptr<WaitCall> Wait(const WaitRequest& request, WaitEvents events) override;
  void Renew(const std::string& key, const std::string& lease_id, Duration limit,
             absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) override;
  void Release(const std::string& key, const std::string& lease_id, Duration limit,
               absl::AnyInvocable<void(absl::Status)> done) override;
  void Get(const std::string& key, Duration limit,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override;
  void List(const ListRequest& request, Duration limit,
            absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) override;
  void ForceRelease(const std::string& key, std::uint64_t fencing_token, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) override;
  void ReleaseByTag(const ReleaseByTagRequest& request, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) override;
  std::shared_ptr<WatchCall> Watch(const LockFilter& filter, WatchEvents events) override;
  void Shutdown() override { calls_->Shutdown(); }
  void Disconnect() override;

 private:
  GrpcTransport(const std::string& address, const std::shared_ptr<grpc::Channel>& short_calls);

  // A short call; `done` gets what `convert` makes of the answer.
  template <typename Service, typename Request, typename Response, typename Result>
  void Send(const std::unique_ptr<typename Service::Stub>& stub,
            typename GrpcUnaryCall<Service, Request, Response>::Method method, Request request,
            Duration limit, Result (*convert)(const Response&),
            absl::AnyInvocable<void(absl::StatusOr<Result>)> done);

  const std::shared_ptr<ServerContact> contact_;

  // A connection of their own for each: a server limits the streams of a connection,
  // and a renewal must never queue behind waits.
  std::optional<GrpcUse> use_{std::in_place};  // Goes after what follows.
  // Null once disconnected.
  std::unique_ptr<v1::LockService::Stub> waits_;
  std::unique_ptr<v1::LockService::Stub> short_calls_;
  std::unique_ptr<v1::AdminService::Stub> admin_calls_;  // Over the same connection.

  const std::shared_ptr<CallRegistry> calls_ = std::make_shared<CallRegistry>();
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_TRANSPORT_H_
