// holdfast acquire, renew and release: a lease, for scripts.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands/commands.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/locks.h"
#include "clients/cli/output/report.h"
#include "clients/cli/owner.h"
#include "clients/cli/poll/polled_lock.h"
#include "clients/cli/poll/signals.h"
#include "clients/cli/server.h"
#include "clients/cpp/transport/convert.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast::cli {
namespace {

// As the API would show it, as far as it is known on this side.
v1::Lease ToProto(const Lease& lease, const TakeOptions& take) {
  v1::Lease proto;
  proto.set_key(lease.key());
  proto.set_lease_id(lease.lease_id());
  proto.set_fencing_token(lease.fencing_token());
  for (const std::string& tag : Tags(take.tags)) proto.add_tags(tag);
  proto.set_owner(take.owner);
  if (lease.expire().has_value()) {
    *proto.mutable_expire() = core::ToProto(*lease.expire());
    const Duration left = lease.deadline() - MonotonicClock::now();
    *proto.mutable_remaining() = core::ToProto(std::max(left, Duration::zero()));
  }
  return proto;
}

// Waits until the lock is granted, refused, or a signal has come, which is then put
// into `interrupted_by`.
absl::StatusOr<Lease> Take(PolledLock& lock, const SignalQueue& signals,
                           std::optional<int>& interrupted_by) {
  lock.Begin();
  for (;;) {
    std::array<pollfd, 2> ready = {pollfd{.fd = lock.fd(), .events = POLLIN},
                                   pollfd{.fd = signals.fd(), .events = POLLIN}};
    poll(ready.data(), ready.size(), -1);
    lock.ClearNews();
    if (auto outcome = lock.TakeOutcome(); outcome.has_value()) return *std::move(outcome);
    if (const std::optional<int> signal = signals.Next(); signal.has_value()) {
      interrupted_by = signal;
      lock.Cancel();
    }
  }
}

}  // namespace

int Acquire(const AcquireOptions& options) {
  TakeOptions take = options.take;
  if (take.owner.empty()) take.owner = OwnerOfCaller();

  const sigset_t stopping = SignalsNotIgnored({SIGHUP, SIGINT, SIGQUIT, SIGTERM});
  sigset_t blocked = stopping;
  sigaddset(&blocked, SIGPIPE);  // A lease that nobody can be told of is to be given back.
  BlockSignals(blocked);
  const SignalQueue signals(stopping);
  auto lock =
      PolledLock::Create(options.server, take, options.expire, /*auto_renew=*/false, getpgrp());
  if (!lock.ok()) return Report(lock.status());

  std::optional<int> interrupted_by;
  const absl::StatusOr<Lease> lease = Take(**lock, signals, interrupted_by);
  // Even if the lock was granted at the same moment: nobody would know of it.
  if (interrupted_by.has_value()) return ExitCodeOfSignal(*interrupted_by);
  if (!lease.ok()) return ReportNotTaken(lease.status(), options.server, take);

  const bool printed =
      Print(options.json ? ToJsonLine(ToProto(*lease, take))
                         : absl::StrCat(lease->lease_id(), " ", lease->fencing_token(), "\n"));
  // Whoever has not been told the lease_id could not give the lock back.
  if (!printed) return ToInt(ExitCode::kFailed);

  const absl::Status detached = (*lock)->Detach();
  return detached.ok() ? ToInt(ExitCode::kOk) : Report(detached);
}

int Renew(const RenewOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::RenewRequest request;
  request.set_key(options.key);
  request.set_lease_id(options.lease_id);
  if (options.expire.has_value()) *request.mutable_expire() = core::ToProto(*options.expire);
  const auto response = (*server)->Call((*server)->locks(), &v1::LockService::Stub::Renew, request);
  if (!response.ok()) return Report(response.status());
  const bool printed = !options.json || Print(ToJsonLine(response->lease()));
  return ToInt(printed ? ExitCode::kOk : ExitCode::kFailed);
}

int Release(const ReleaseOptions& options) {
  const auto server = Server::Create(options.server);
  if (!server.ok()) return Report(server.status());
  v1::ReleaseRequest request;
  request.set_key(options.key);
  request.set_lease_id(options.lease_id);
  const auto response =
      (*server)->Call((*server)->locks(), &v1::LockService::Stub::Release, request);
  return response.ok() ? ToInt(ExitCode::kOk) : Report(response.status());
}

}  // namespace holdfast::cli
