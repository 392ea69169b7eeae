#include "clients/cpp/transport/session.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/transport/convert.h"
#include "clients/cpp/transport/session_stream.h"

namespace holdfast::core {
namespace {

// For how long the end waits for what was detached to be heard of.
constexpr Duration kDetachGrace = std::chrono::milliseconds(200);

// Between one stream and the next, if it is only for the leases that are held.
constexpr Duration kReopenPause = std::chrono::milliseconds(200);

// The server's limits, as it names them.
constexpr std::string_view kSessionLimit = "max_sessions";
constexpr std::string_view kOperationsLimit = "max_session_operations";

gpr_timespec FromNow(Duration span) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(span.count(), GPR_TIMESPAN));
}

absl::Status StatusOf(const google::rpc::Status& failed) {
  return StatusFrom(grpc::Status(static_cast<grpc::StatusCode>(failed.code()), failed.message(),
                                 failed.SerializeAsString()));
}

bool IsLimit(const absl::Status& status, std::string_view limit) {
  return ReasonOf(status) == ErrorReason::kLimitExceeded && ErrorMetadata(status)["limit"] == limit;
}

// The words are those of the server's answers to a call.
std::string_view EndOfLease(v1::ErrorReason reason) {
  switch (reason) {
    case v1::LEASE_FORCED:
      return "an administrator has ended the lease";
    case v1::LEASE_EXPIRED:
      return "the lease has expired";
    default:
      return "the server has told that the lease has ended";
  }
}

absl::Status WhyLeaseEnded(v1::ErrorReason reason) {
  const bool unknown = reason == v1::LEASE_NOT_FOUND;
  return MakeError(
      unknown ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition,
      v1::ErrorReason_IsValid(reason) ? static_cast<ErrorReason>(reason) : ErrorReason::kLeaseEnded,
      EndOfLease(reason));
}

}  // namespace

Session::Session(std::unique_ptr<v1::SessionService::Stub> stub, std::string session_id,
                 std::string address)
    : stub_(std::move(stub)),
      session_id_(std::move(session_id)),
      contact_(std::make_shared<ServerContact>(std::move(address))) {}

void Session::OnLeaseEnded(LockTransport::LeaseEndedListener listener) {
  MutexLock lock(mutex_);
  listener_ = std::make_shared<LockTransport::LeaseEndedListener>(std::move(listener));
}

void Session::Carry(Calls calls) {
  for (auto& call : calls) call();
}

std::uint64_t Session::Begin(v1::Operation operation, std::optional<Duration> limit,
                             OperationEvents events) {
  Calls calls;
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    if (shut_down_) {
      End({.events = std::move(events)}, ClientDestroyed(), calls);
    } else if (unary_) {
      FallBack({.events = std::move(events)}, calls);
    } else {
      id = ++last_operation_;
      operation.set_id(id);
      if (operation.has_detach()) ++detaching_;
      Pending& pending = pending_[id];
      pending.operation = std::move(operation);
      pending.events = std::move(events);
      if (limit.has_value()) {
        pending.limit = After(RealClock().Now(), *limit);
        SetTimer(id, pending.limit);
      }
      unsent_.push_back(id);
      if (stream_ == nullptr) Open(calls);
      Write(calls);
    }
  }
  Carry(std::move(calls));
  return id;
}

void Session::Detach(const std::string& key, const std::string& lease_id) {
  v1::Operation operation;
  operation.mutable_detach()->set_key(key);
  operation.mutable_detach()->set_lease_id(lease_id);
  Begin(std::move(operation), std::nullopt,
        {.on_end = [](const absl::StatusOr<Grant>&) {}, .fall_back = [](OperationEvents) {}});
}

void Session::Forget(std::uint64_t operation) {
  Pending forgotten;  // Destroyed outside of the mutex: it may own anything.
  MutexLock lock(mutex_);
  const auto found = pending_.find(operation);
  if (found == pending_.end()) return;
  forgotten = std::move(found->second);
  timers_.erase({forgotten.limit, operation});
  pending_.erase(found);
}

void Session::Shutdown() {
  Calls calls;
  {
    MutexLock lock(mutex_);
    detached_.WaitFor(mutex_, kDetachGrace,
                      [this]() REQUIRES(mutex_) { return detaching_ == 0 || stream_ == nullptr; });
    shut_down_ = true;
    alarm_ = nullptr;
    for (auto& [id, pending] : std::exchange(pending_, {})) {
      End(std::move(pending), ClientDestroyed(), calls);
    }
  }
  Carry(std::move(calls));
  calls_->Shutdown();
}

void Session::SetTimer(std::uint64_t what, MonotonicTime when) {
  timers_.emplace(when, what);
  Arm();
}

// An alarm costs a hand-over to another thread, so there is one for all timers; and one that
// is set for a timer which has gone meanwhile is left to ring.
void Session::Arm() {
  if (shut_down_ || timers_.empty() || timers_.begin()->first >= armed_for_) return;
  armed_for_ = timers_.begin()->first;
  const Duration span = Between(RealClock().Now(), armed_for_);
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(FromNow(std::max<Duration>(span, std::chrono::milliseconds(1))),
              [self = shared_from_this()](bool rang) {
                if (rang) self->OnAlarm();
              });
}

void Session::OnAlarm() {
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (shut_down_) return;
    armed_for_ = MonotonicTime::max();
    const MonotonicTime now = RealClock().Now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
      Fire(timers_.extract(timers_.begin()).value().second, calls);
    }
    Arm();
  }
  Carry(std::move(calls));
}

void Session::Fire(std::uint64_t what, Calls& calls) {
  if (what == kAcknowledge) {
    acknowledge_soon_ = false;
    acknowledge_now_ = true;
    Write(calls);
  } else if (what == kReopen) {
    if (stream_ != nullptr || held_.empty()) return;
    Open(calls);
    Write(calls);
  } else {
    Pending late = std::move(pending_.extract(what).mapped());
    End(std::move(late), absl::DeadlineExceededError("no answer in time"), calls);
  }
}

void Session::OnWritten(Stream* stream) {
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    writing_ = false;
    Write(calls);
  }
  Carry(std::move(calls));
}

void Session::OnResponse(Stream* stream, const v1::SessionResponse& response) {
  contact_->NoteAnswer();
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    for (const v1::Event& event : response.events()) Hear(event, calls);
    received_ = response.number();
    Write(calls);
  }
  Carry(std::move(calls));
}

void Session::Hear(const v1::Event& event, Calls& calls) {
  if (event.has_lease_ended()) return HearLeaseEnded(event.lease_ended(), calls);
  if (event.has_attached()) {
    LearnRoom(event.attached().max_message_bytes());
    doubtful_.clear();
    return;
  }
  const auto found = pending_.find(event.id());
  if (found == pending_.end()) return;
  if (event.has_queued()) {
    if (const auto& on_queued = found->second.events.on_queued; on_queued != nullptr) {
      calls.push_back([on_queued, info = QueueInfoFrom(event.queued())]() mutable {
        (*on_queued)(std::move(info));
      });
    }
    return;
  }
  Pending pending = std::move(found->second);
  pending_.erase(found);
  const v1::Operation& operation = pending.operation;
  if (event.has_granted()) {
    const v1::AcquireRequest& request = operation.acquire().request();
    held_.emplace(request.lease_id(), request.key());
    End(std::move(pending), GrantFrom(event.granted()), calls);
  } else if (event.has_renewed()) {
    End(std::move(pending), GrantFrom(event.renewed()), calls);
  } else if (event.has_failed()) {
    absl::Status failed = StatusOf(event.failed());
    // Those that wait have filled the session. What frees a place must not wait for one.
    if (IsLimit(failed, kOperationsLimit)) {
      if (operation.has_renew_all()) {
        failed = absl::UnavailableError(Describe(failed));
      } else {
        return FallBack(std::move(pending), calls);
      }
    }
    if (!ShouldRetry(failed)) Leave(operation);
    End(std::move(pending), std::move(failed), calls);
  } else {
    Leave(operation);
    if (event.has_renewed_all() && pending.events.renewed != nullptr) {
      *pending.events.renewed = event.renewed_all().leases();
    }
    End(std::move(pending), Grant{}, calls);
  }
}

// The answer to `operation` is final.
void Session::Leave(const v1::Operation& operation) {
  if (operation.has_release()) held_.erase(operation.release().lease_id());
  if (operation.has_detach()) held_.erase(operation.detach().lease_id());
}

void Session::HearLeaseEnded(const v1::Event::LeaseEnded& ended, Calls& calls) {
  doubtful_.erase(ended.lease_id());
  if (held_.erase(ended.lease_id()) == 0 || listener_ == nullptr) return;
  calls.push_back([listener = listener_, lease_id = ended.lease_id(),
                   why = WhyLeaseEnded(ended.reason())] { (*listener)(lease_id, why); });
}

void Session::OnEnded(Stream* stream, const grpc::Status& status) {
  Calls calls;
  {
    MutexLock lock(mutex_);
    if (stream != stream_.get()) return;
    stream_ = nullptr;
    detached_.NotifyAll();
    unsent_.clear();
    const absl::Status why = WhyEnded(status);
    for (auto& [id, pending] : std::exchange(pending_, {})) {
      if (unary_) {
        FallBack(std::move(pending), calls);
        continue;
      }
      if (pending.operation.has_detach() && !shut_down_) {
        pending_.emplace(id, std::move(pending));
        continue;
      }
      if (pending.sent && pending.operation.has_acquire()) {
        const v1::AcquireRequest& request = pending.operation.acquire().request();
        doubtful_.emplace(request.lease_id(), request.key());
      }
      End(std::move(pending), why, calls);
    }
    if (!held_.empty() && !shut_down_ && !unary_) {
      SetTimer(kReopen, After(RealClock().Now(), kReopenPause));
    }
  }
  Carry(std::move(calls));
}

// What the operations of a stream that has ended come to.
absl::Status Session::WhyEnded(const grpc::Status& status) {
  absl::Status why = contact_->StatusOf(status);
  if (why.ok()) return absl::UnavailableError("the server has ended the session's stream");
  if (absl::IsUnimplemented(why)) unary_ = true;
  if (ReasonOf(why) != ErrorReason::kLimitExceeded) return why;
  // It is the stream's limit, and none of the operations is to blame: they are sent again.
  if (IsLimit(why, kSessionLimit)) unary_ = true;
  // It has less room than the server that was there before.
  if (IsLimit(why, kMessageLimit)) max_message_bytes_ = 0;
  return absl::UnavailableError(Describe(why));
}

// It is not pending any more.
void Session::NoLongerPending(const Pending& pending) {
  timers_.erase({pending.limit, pending.operation.id()});
  if (!pending.operation.has_detach()) return;
  --detaching_;
  detached_.NotifyAll();
}

void Session::FallBack(Pending pending, Calls& calls) {
  NoLongerPending(pending);
  calls.push_back([events = std::move(pending.events)]() mutable {
    auto fall_back = std::move(events.fall_back);
    fall_back(std::move(events));
  });
}

void Session::End(Pending pending, absl::StatusOr<Grant> end, Calls& calls) {
  NoLongerPending(pending);
  calls.push_back([events = std::move(pending.events), end = std::move(end)]() mutable {
    events.on_end(std::move(end));
  });
}

}  // namespace holdfast::core
