// The whole service in the process of a test: an engine over a store in memory,
// and a gRPC server on a Unix socket and a port.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_TESTING_TEST_SERVER_H_
#define HOLDFAST_SERVICES_LOCK_RPC_TESTING_TEST_SERVER_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "services/common/clock.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/rpc/grpc_server.h"
#include "services/lock/rpc/rpc_limits.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {

// Thread-safe, but for what ends it.
class TestServer {
 public:
  struct Options {
    Limits limits{};
    RpcLimits rpc_limits{};
    ConnectionLimits connections{};
    const Clock* clock = &SystemClock();
    bool load = true;            // False: call Load.
    std::string unix_options{};  // What --listen has behind the path.
    const RulesInForce* rules = nullptr;
  };

  TestServer() : TestServer(Options()) {}
  explicit TestServer(const Options& options);

  // Ends everything in the order in which holdfastd does.
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Ends the time in which the server loads its records. Once. The store is one
  // in memory if none is given.
  void Load(std::unique_ptr<LockStore> store = nullptr);

  LockEngine& engine() { return engine_; }
  GrpcServer& server() { return *server_; }
  const std::string& address() const { return server_->addresses().front(); }
  const std::string& tcp_address() const { return server_->addresses().back(); }

  // A channel with a connection of its own.
  std::shared_ptr<grpc::Channel> NewChannel() const { return NewChannel(address()); }
  static std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);

 private:
  const ScratchFolder folder_;
  LockEngine engine_;
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_TESTING_TEST_SERVER_H_
