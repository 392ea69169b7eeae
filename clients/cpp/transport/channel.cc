#include "clients/cpp/transport/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>

namespace holdfast::core {

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address, Duration longest_pause,
                                           Keepalive keepalive) {
  const auto pause = std::chrono::ceil<std::chrono::milliseconds>(longest_pause).count();
  grpc::ChannelArguments arguments;
  // Channels of one process with the same arguments otherwise share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);

  // Leases run on while there is no connection, so it is sought again quickly: gRPC's
  // own pauses grow to two minutes, and one try may take 20 s. The first pause cannot be
  // shorter than this.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(pause));

  // A wait or a watch may be silent for hours. A connection whose other end has vanished
  // without a word is noticed by this. The server closes connections that ping more often
  // than every 10 s.
  if (keepalive == Keepalive::kOn) {
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  }
  // Silence is no reason to stop: the default is two pings without data.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);

  // Calls are repeated by those who know which may be.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A proxy for web pages has no business between a program and its locks.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace holdfast::core
