// The one place of the library where a client and gRPC meet.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/fork_guard.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "clients/cpp/transport/session_transport.h"
#include "holdfast/client.h"

namespace holdfast {
namespace {

template <typename Transport>
absl::StatusOr<std::unique_ptr<core::LockTransport>> Generalised(
    absl::StatusOr<std::unique_ptr<Transport>> transport) {
  if (!transport.ok()) return transport.status();
  return *std::move(transport);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(std::string_view address,
                                                       ClientOptions options) {
  if (absl::Status status = core::CheckMayUseGrpc(); !status.ok()) return status;
  if (options.call_timeout <= Duration::zero() || options.connect_timeout <= Duration::zero()) {
    return absl::InvalidArgumentError("call_timeout and connect_timeout must be positive");
  }
  absl::StatusOr<std::unique_ptr<core::LockTransport>> transport =
      options.session
          ? Generalised(core::SessionTransport::Create(address, core::SystemRandom().NewLeaseId()))
          : Generalised(core::GrpcTransport::Create(address));
  if (!transport.ok()) return transport.status();
  auto loop = core::ThreadLoop::Create();
  if (!loop.ok()) return loop.status();
  auto runtime = core::Runtime::Create(*std::move(loop));
  if (!runtime.ok()) return runtime.status();

  core::ClientCore::Parts parts{.runtime = *std::move(runtime),
                                .transport = *std::move(transport),
                                .clock = &core::RealClock(),
                                .random = &core::SystemRandom()};
  return std::unique_ptr<Client>(new Client(std::make_shared<core::ClientCore>(
      std::move(parts), std::string(address), std::move(options))));
}

}  // namespace holdfast
