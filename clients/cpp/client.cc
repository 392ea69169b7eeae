#include "holdfast/client.h"

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "clients/cpp/core/blocking.h"
#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/thread_scheduler.h"
#include "clients/cpp/transport/grpc_transport.h"

namespace holdfast {
namespace {

// gRPC's threads, like all others, are not there in a forked child, and it does not
// notice: it would hang, or end the process.
absl::Status CheckNotForked() {
  static const pid_t first_user = getpid();
  if (first_user == getpid()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this process was forked from one that had a holdfast::Client, and gRPC does not survive "
      "that: fork before the first client is made, or call exec in the child");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(std::string_view address,
                                                       ClientOptions options) {
  if (absl::Status status = CheckNotForked(); !status.ok()) return status;
  if (options.call_timeout <= Duration::zero() || options.connect_timeout <= Duration::zero()) {
    return absl::InvalidArgumentError("call_timeout and connect_timeout are more than zero");
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

Client::Client(std::shared_ptr<core::ClientCore> core) : core_(std::move(core)) {}

Client::~Client() {
  if (core_->InOwnProcess()) {
    core_->Shutdown();
    return;
  }
  // A forked child has none of the threads, and must not wait for them. What they
  // worked on is left as it is, which costs the child some memory and nothing else.
  new std::shared_ptr<core::ClientCore>(core_);  // NOLINT(bugprone-unused-raii)
}

const std::string& Client::address() const { return core_->address(); }
const std::string& Client::owner() const { return core_->owner(); }

absl::StatusOr<LockInfo> Client::Get(std::string_view key) {
  return core::Block<absl::StatusOr<LockInfo>>(
      *core_, [&](auto done) { core_->Get(std::string(key), std::move(done)); });
}

absl::Status Client::Release(std::string_view key, std::string_view lease_id) {
  return core::Block<absl::Status>(*core_, [&](auto done) {
    core_->Run([core = core_, key = std::string(key), lease_id = std::string(lease_id),
                done = std::move(done)]() mutable {
      // How long the lease lasts is not known here, so the release is not given up early.
      core->releaser().Release(key, lease_id, /*expire=*/std::nullopt, core->call_timeout(),
                               std::move(done));
    });
  });
}

}  // namespace holdfast
