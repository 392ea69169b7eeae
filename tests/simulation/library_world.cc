#include "tests/simulation/library_world.h"

#include <utility>
#include <variant>

#include "clients/cpp/core/errors.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"

namespace holdfast::simulation {
namespace {

using absl::StatusCode;

// What the real transport makes of the server's refusals, as far as the library tells
// them apart.
absl::Status ToStatus(const Refused& refused) {
  const auto error = [](StatusCode code, ErrorReason reason) {
    return core::MakeError(code, reason, "refused by the simulated server");
  };
  switch (refused.reason) {
    case Refusal::kLockHeld:
      return error(StatusCode::kAborted, ErrorReason::kLockHeld);
    case Refusal::kWaitTimeout:
      return error(StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout);
    case Refusal::kLeaseExpired:
      return error(StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired);
    case Refusal::kLeaseForced:
      return error(StatusCode::kFailedPrecondition, ErrorReason::kLeaseForced);
    case Refusal::kLeaseEnded:
      return error(StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded);
    case Refusal::kLeaseNotFound:
      return error(StatusCode::kNotFound, ErrorReason::kLeaseNotFound);
    case Refusal::kLeaseWaiting:
      return error(StatusCode::kFailedPrecondition, ErrorReason::kLeaseWaiting);
    case Refusal::kLockNotHeld:
      return error(StatusCode::kNotFound, ErrorReason::kLockNotHeld);
    case Refusal::kLeaseMismatch:
      return error(StatusCode::kInvalidArgument, ErrorReason::kLeaseMismatch);
    case Refusal::kLimitExceeded:
      return error(StatusCode::kResourceExhausted, ErrorReason::kLimitExceeded);
    case Refusal::kStarting:
    case Refusal::kStopping:
    case Refusal::kCancelled:
    case Refusal::kSessionReplaced:
    case Refusal::kNotPermitted:
      break;
  }
  return error(StatusCode::kUnavailable, ErrorReason::kServerStopping);
}

absl::Status Unanswered() { return absl::UnavailableError("the connection broke"); }

// The error that an ending stands for, if it is neither a grant nor an answer.
absl::Status ErrorOf(const Ending& ending) {
  const auto* refused = ending.As<Refused>();
  return refused == nullptr ? Unanswered() : ToStatus(*refused);
}

core::Grant ToGrant(const LeaseView& lease) {
  return {.fencing_token = lease.lease.fencing_token,
          .remaining = lease.remaining,
          .elapsed = lease.elapsed};
}

QueueInfo ToQueueInfo(const Queued& queued) {
  return {.position = queued.position, .queue_sequence = queued.queue_sequence, .holders = {}};
}

class OpenWait final : public core::LockTransport::WaitCall {
 public:
  void Cancel() override {
    if (operation != nullptr) std::exchange(operation, nullptr)->Cancel();
  }

  std::shared_ptr<Operation> operation;
};

// std::function copies what it holds, and the library's callbacks cannot be copied.
template <typename Callback>
std::shared_ptr<Callback> Share(Callback callback) {
  return std::make_shared<Callback>(std::move(callback));
}

}  // namespace

void LibraryLoop::SetAlarm(MonotonicTime when) {
  process_.Cancel(std::exchange(alarm_, 0));
  if (when == MonotonicTime::max()) return;
  alarm_ = process_.At(when.time_since_epoch(), [this] { Run([this] { Ring(); }); });
}

std::string LibraryChance::NewLeaseId() { return LeaseId(++last_id_); }

std::string LibraryChance::LeaseId(int number) const {
  return "library-" + std::to_string(client_) + "-" + std::to_string(number);
}

std::shared_ptr<core::LockTransport::WaitCall> LibraryTransport::Wait(
    const core::WaitRequest& request, WaitEvents events) {
  const AcquireCommand command{.spec = {.key = request.key,
                                        .lease_id = request.lease_id,
                                        .owner = request.owner,
                                        .tags = request.tags,
                                        .expire = request.expire},
                               .timeout = request.timeout.value_or(kNoTimeout),
                               .report_queue = true};
  auto call = std::make_shared<OpenWait>();
  const auto shared = Share(std::move(events));
  OperationEvents on;
  on.on_queued = [shared](const Queued& queued) { shared->on_queued(ToQueueInfo(queued)); };
  on.on_end = [this, shared, lease_id = request.lease_id](const Ending& ending) {
    if (const auto* granted = ending.As<Granted>()) {
      shared->on_end(ToGrant(granted->lease));
      NoteDeadline(lease_id, ending.event);
    } else {
      shared->on_end(ErrorOf(ending));
    }
  };
  call->operation = caller_.Call(AnyChannel(), command, std::nullopt, std::move(on));
  return call;
}

void LibraryTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                             absl::AnyInvocable<void(absl::StatusOr<core::Grant>)> done) {
  caller_.Call(AnyChannel(), RenewCommand{.key = key, .lease_id = lease_id, .expire = {}}, limit,
               {.on_end = [this, lease_id, done = Share(std::move(done))](const Ending& ending) {
                 if (const auto* renewed = ending.As<Renewed>()) {
                   (*done)(ToGrant(renewed->lease));
                   NoteDeadline(lease_id, ending.event);
                 } else {
                   (*done)(ErrorOf(ending));
                 }
               }});
}

void LibraryTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                               absl::AnyInvocable<void(absl::Status)> done) {
  caller_.Call(AnyChannel(), ReleaseCommand{.key = key, .lease_id = lease_id}, limit,
               {.on_end = [done = Share(std::move(done))](const Ending& ending) {
                 const bool released = ending.As<Released>() != nullptr;
                 (*done)(released ? absl::OkStatus() : ErrorOf(ending));
               }});
}

void LibraryTransport::Get(const std::string& /*key*/, Duration /*limit*/,
                           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  done(absl::UnimplementedError("not simulated"));
}

void LibraryTransport::NoteDeadline(const std::string& lease_id, std::size_t event) {
  const MonotonicTime deadline = deadline_(lease_id);
  if (deadline <= MonotonicTime(caller_.process().LocalNow())) return;
  caller_.recorder().SetValidUntil(event, caller_.process().TrueTime(deadline.time_since_epoch()));
}

}  // namespace holdfast::simulation
