// The one place of the library where a client and gRPC meet.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/thread_scheduler.h"
#include "clients/cpp/transport/fork_guard.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "holdfast/client.h"

namespace holdfast {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(std::string_view address,
                                                       ClientOptions options) {
  if (absl::Status status = core::CheckMayUseGrpc(); !status.ok()) return status;
  if (options.call_timeout <= Duration::zero() || options.connect_timeout <= Duration::zero()) {
    return absl::InvalidArgumentError("call_timeout and connect_timeout must be positive");
  }
  auto transport = core::GrpcTransport::Create(address);
  if (!transport.ok()) return transport.status();
  auto scheduler = core::ThreadScheduler::Create();
  if (!scheduler.ok()) return scheduler.status();
  auto callbacks = core::Dispatcher::Create("holdfast-calls");
  if (!callbacks.ok()) return callbacks.status();
  auto signals = core::Dispatcher::Create("holdfast-lost");
  if (!signals.ok()) return signals.status();

  core::ClientCore::Parts parts{.scheduler = *std::move(scheduler),
                                .transport = *std::move(transport),
                                .callbacks = *std::move(callbacks),
                                .signals = *std::move(signals),
                                .clock = &core::RealClock(),
                                .random = &core::SystemRandom()};
  return std::unique_ptr<Client>(new Client(std::make_shared<core::ClientCore>(
      std::move(parts), std::string(address), std::move(options))));
}

}  // namespace holdfast
