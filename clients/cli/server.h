// The server, for what the client library does not offer: looking at locks, watching
// them, ending leases by id, by key and by tags, and asking whether it serves.

#ifndef HOLDFAST_CLIENTS_CLI_SERVER_H_
#define HOLDFAST_CLIENTS_CLI_SERVER_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/options.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "holdfast/time.h"
#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lease.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast::cli {

inline v1::Filter ToFilter(const SelectOptions& select) {
  v1::Filter filter;
  filter.set_key_prefix(select.prefix);
  filter.mutable_tags()->Add(select.tags.begin(), select.tags.end());
  return filter;
}

// Thread-compatible.
class Server {
 public:
  // Does not connect yet.
  //
  // INVALID_ARGUMENT: no such form of address.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const ServerOptions& options);

  v1::LockService::Stub& locks() { return *locks_; }
  v1::AdminService::Stub& admin() { return *admin_; }
  grpc::health::v1::Health::Stub& health() { return *health_; }

  // Makes a call, and makes it again while the server cannot be reached. Everything in
  // the API may be repeated.
  //
  // UNAVAILABLE: the server's patience, in ServerOptions, is over. PERMISSION_DENIED: its
  // socket is not for this user. Otherwise what the
  // server says, with its reason (see holdfast/error.h).
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    Response response;
    const absl::Status status = Repeat(
        [&](grpc::ClientContext& context) { return (stub.*method)(&context, request, &response); });
    if (!status.ok()) return status;
    return response;
  }

 private:
  explicit Server(const ServerOptions& options);

  absl::Status Repeat(absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt) const;

  const ServerOptions options_;
  std::unique_ptr<v1::LockService::Stub> locks_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_SERVER_H_
