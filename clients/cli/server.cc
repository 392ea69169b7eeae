#include "clients/cli/server.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>

#include "clients/cli/diagnosis.h"
#include "clients/cli/output/span.h"
#include "clients/cli/poll/clock.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/address.h"
#include "clients/cpp/transport/channel.h"
#include "clients/cpp/transport/convert.h"

namespace holdfast::cli {
namespace {

// Short enough not to be felt, and long enough not to burden anybody. A connection is
// sought as often as a call is made.
constexpr Duration kPauseBetweenAttempts = std::chrono::milliseconds(100);

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const ServerOptions& options) {
  if (absl::Status status = core::CheckAddress(options.address); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(options));
}

Server::Server(const ServerOptions& options) : options_(options) {
  const auto channel = core::OpenChannel(options.address, kPauseBetweenAttempts);
  locks_ = v1::LockService::NewStub(channel);
  admin_ = v1::AdminService::NewStub(channel);
  health_ = grpc::health::v1::Health::NewStub(channel);
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
    if (absl::Status denied = core::CheckMayConnect(options_.address); !denied.ok()) return denied;

    const Duration pause = std::max(kPauseBetweenAttempts, core::RetryDelayOf(status));
    left = give_up_at - MonotonicClock::now() - pause;
    if (left <= Duration::zero()) {
      return WithDiagnosis(core::GaveUp("no answer from " + options_.address + " within " +
                                            FormatSpan(options_.patience),
                                        status),
                           options_.address);
    }
    Pause(pause);
  }
}

}  // namespace holdfast::cli
