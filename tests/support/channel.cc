#include "tests/support/channel.h"

#include <utility>

#include "grpc/grpc.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace holdfast {
namespace {

std::shared_ptr<grpc::Channel> Open(const std::string& address, grpc::ChannelArguments arguments) {
  // Never balanced. Otherwise gRPC shuts itself down with the last channel, and now
  // and then waits ten seconds for descriptors of its own while it does so.
  [[maybe_unused]] static const bool initialised = (grpc_init(), true);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address) {
  return Open(address, grpc::ChannelArguments());
}

std::shared_ptr<grpc::Channel> SlowChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 16);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return Open(address, std::move(arguments));
}

}  // namespace holdfast
