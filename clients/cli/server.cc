#include "clients/cli/server.h"

#include <grpc/support/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>

#include "clients/cli/clock.h"
#include "clients/cli/span.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {
namespace {

// Short enough not to be felt, and long enough not to burden anybody.
constexpr Duration kPauseBetweenAttempts = std::chrono::milliseconds(100);

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A connection is sought again as often as a call is made: gRPC's own pauses grow to
  // two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);

  // A watch may be silent for hours: this notices a server that has vanished without a
  // word. The server closes connections that ping more often than every 10 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);

  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A proxy for web pages has no business between a shell and its locks.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const ServerOptions& options) {
  if (absl::Status status = core::CheckAddress(options.address); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(options));
}

Server::Server(const ServerOptions& options) : options_(options) {
  const std::shared_ptr<grpc::Channel> channel = OpenChannel(options.address);
  locks_ = v1::LockService::NewStub(channel);
  admin_ = v1::AdminService::NewStub(channel);
}

absl::Status Server::Repeat(absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt) const {
  const MonotonicTime give_up_at = MonotonicClock::now() + options_.patience;
  Duration left = options_.patience;
  for (;;) {
    grpc::ClientContext context;
    // A span rather than a moment: nothing here depends on the wall clock.
    context.set_deadline(gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
    const absl::Status status = core::StatusFrom(attempt(context));
    if (status.ok() || !core::ShouldRetry(status)) return status;

    const Duration pause = std::max(kPauseBetweenAttempts, core::RetryDelayOf(status));
    left = give_up_at - MonotonicClock::now() - pause;
    if (left <= Duration::zero()) {
      return core::GaveUp(
          "no answer from " + options_.address + " within " + FormatSpan(options_.patience),
          status);
    }
    Pause(pause);
  }
}

}  // namespace holdfast::cli
