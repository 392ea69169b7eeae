#include "services/lock/rpc/testing/test_server.h"

#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "gtest/gtest.h"
#include "services/lock/storage/testing/memory_store.h"

namespace holdfast {
namespace {

void OnFatal(const absl::Status& status) { ADD_FAILURE() << status; }

}  // namespace

TestServer::TestServer(const Options& options) : engine_(options.limits, *options.clock, OnFatal) {
  auto server = GrpcServer::Start(
      engine_, {.listen = {*ParseListenAddress("unix:" + (folder_ / "s") + options.unix_options),
                           *ParseListenAddress("127.0.0.1:0")},
                .limits = options.rpc_limits,
                .connections = options.connections,
                .rules = options.rules});
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  if (options.load) Load();
}

TestServer::~TestServer() {
  engine_.Drain();
  server_->Shutdown();
  engine_.Stop();
}

void TestServer::Load(std::unique_ptr<LockStore> store) {
  if (store == nullptr) store = std::make_unique<MemoryStore>(std::make_shared<MemoryDisk>());
  const absl::Status status = engine_.Start(std::move(store));
  EXPECT_TRUE(status.ok()) << status;
  server_->SetServing(true);
}

std::shared_ptr<grpc::Channel> TestServer::NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace holdfast
