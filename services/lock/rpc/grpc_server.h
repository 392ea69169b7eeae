// The gRPC server: the lock, the session and the admin service, health checking and
// reflection, on all the addresses that it was told to listen on.
//
// grpc.health.v1 knows the server as "" and by the names of its three services. All
// are NOT_SERVING until SetServing(true); the lock service answers meanwhile too,
// with whatever the engine refuses calls with.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_GRPC_SERVER_H_
#define HOLDFAST_SERVICES_LOCK_RPC_GRPC_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"
#include "services/lock/access/rules_in_force.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/permission.h"
#include "services/lock/rpc/principals.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/net/accept_loop.h"
#include "services/net/connection_limits.h"
#include "services/net/connections.h"
#include "services/net/listen_address.h"

// gRPC's headers, and what is generated for them, take seconds to compile.
namespace grpc {
class Server;
}  // namespace grpc

namespace holdfast {

class AdminServiceImpl;
class CallLoop;
class HealthServiceImpl;
class LockServiceImpl;
class ReflectionServiceImpl;
class SessionServiceImpl;

// Thread-compatible.
class GrpcServer {
 public:
  struct Options {
    std::vector<ListenAddress> listen;
    RpcLimits limits;
    ConnectionLimits connections{};
    const RulesInForce* rules = nullptr;  // Outlive the server. Null: there are none.
  };

  // Accepts connections when it returns. `engine` must live until Shutdown. `inherited`:
  // see inherited_sockets.h.
  // UNAVAILABLE: an address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      LockEngine& engine, const Options& options, std::vector<FileDescriptor> inherited = {});

  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Those that were inherited, and the others in the order of Options::listen, with the
  // ports that were chosen.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // What grpc.health.v1 says.
  void SetServing(bool serving);

  // Takes no more connections, gives open calls a moment to end, cancels what is
  // left, and closes all connections; after another moment it cuts those whose
  // clients take nothing from them. No call is open when it returns.
  // REQUIRES: the engine has been drained, or was never started, so that every
  // waiting call has its final outcome.
  void Shutdown();

  // What clients cost, and how many were cut or refused.
  Connections::Figures figures() const { return connections_->figures(); }

 private:
  GrpcServer(LockEngine& engine, const Options& options, std::size_t listeners);

  absl::Status Build(LockEngine& engine,
                     const std::vector<std::unique_ptr<ListeningSocket>>& sockets);
  absl::Status Accept(std::vector<std::unique_ptr<ListeningSocket>> sockets, const Clock& clock);
  void AwaitClients();

  std::vector<std::string> addresses_;
  std::shared_ptr<Connections> connections_;
  Principals principals_;
  const RulesInForce no_rules_;
  const Callers callers_;
  std::unique_ptr<LockServiceImpl> lock_service_;
  std::unique_ptr<AdminServiceImpl> admin_service_;
  std::unique_ptr<SessionServiceImpl> session_service_;
  std::unique_ptr<HealthServiceImpl> health_service_;
  std::unique_ptr<ReflectionServiceImpl> reflection_service_;
  std::vector<std::unique_ptr<CallLoop>> loops_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<AcceptLoop> accept_loop_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_GRPC_SERVER_H_
