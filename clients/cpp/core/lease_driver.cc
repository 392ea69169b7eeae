#include "clients/cpp/core/lease_driver.h"

#include <variant>

namespace holdfast::core {

LeaseDriver::LeaseDriver(const Clock& clock, Loop& loop, LockTransport& transport, Random& random,
                         Signaller signaller)
    : loop_(loop), transport_(transport), signaller_(std::move(signaller)), table_(clock, random) {
  loop_.OnAlarm([this] { OnAlarm(); });
  transport_.OnLeaseEnded([this](const std::string& lease_id, const absl::Status& why) {
    loop_.Run([this, lease_id, why] {
      Handle([&](Turn& turn) { table_.OnLeaseEnded(lease_id, why, turn); });
    });
  });
}

ClaimId LeaseDriver::Acquire(std::shared_ptr<const AcquireSpec> spec, Duration timeout,
                             AcquireEvents events) {
  return Handle([&](Turn& turn) {
    const ClaimId claim = table_.Acquire(std::move(spec), timeout, turn);
    acquires_.emplace(claim, std::move(events));
    return claim;
  });
}

void LeaseDriver::GiveUp(ClaimId claim, const absl::Status& why) {
  Handle([&](Turn& turn) { table_.GiveUp(claim, why, turn); });
}

void LeaseDriver::Renew(ClaimId claim, Duration limit, Done done) {
  const RequestId request = NewRequest(std::move(done));
  Handle([&](Turn& turn) { table_.Renew(claim, request, limit, turn); });
}

void LeaseDriver::Release(ClaimId claim, Duration patience, Done done) {
  const RequestId request = NewRequest(std::move(done));
  Handle([&](Turn& turn) { table_.Release(claim, request, patience, turn); });
}

void LeaseDriver::ReleaseId(const std::string& key, const std::string& lease_id,
                            std::optional<Duration> expire, Duration patience, Done done) {
  const RequestId request = NewRequest(std::move(done));
  Handle([&](Turn& turn) { table_.ReleaseId(key, lease_id, expire, request, patience, turn); });
}

void LeaseDriver::Detach(ClaimId claim) {
  Handle([&](Turn& turn) { table_.Detach(claim, turn); });
}

void LeaseDriver::Lose(ClaimId claim, const absl::Status& why) {
  Handle([&](Turn& turn) { table_.Lose(claim, why, turn); });
}

void LeaseDriver::StopAsking(const absl::Status& why) {
  Handle([&](Turn& turn) { table_.StopAsking(why, turn); });
}

void LeaseDriver::StopReleasing(const absl::Status& why) {
  Handle([&](Turn& turn) { table_.StopReleasing(why, turn); });
}

void LeaseDriver::WhenNothingIsReleasing(absl::AnyInvocable<void()> idle) {
  idle_ = std::move(idle);
  CarryOut();
}

RequestId LeaseDriver::NewRequest(Done done) {
  if (!done) return kTellNobody;
  requests_.emplace(++last_request_, std::move(done));
  return last_request_;
}

void LeaseDriver::OnAlarm() {
  alarm_ = MonotonicTime::max();
  Handle([this](Turn& turn) { table_.FireTimers(turn); });
}

void LeaseDriver::CarryOut() {
  // Whoever is told something may want something: that is done in its turn.
  if (carrying_out_) return;
  carrying_out_ = true;
  while (!actions_.empty()) {
    for (Action& action : std::exchange(actions_, {})) {
      std::visit([this](auto& what) { Carry(what); }, action);
    }
  }
  carrying_out_ = false;
  if (const MonotonicTime next = table_.NextTimer(); next != alarm_) {
    alarm_ = next;
    loop_.SetAlarm(next);
  }
  if (idle_ && table_.releasing() == 0) std::exchange(idle_, nullptr)();
}

void LeaseDriver::Carry(SendWait& send) {
  const CallId call = send.call;
  waits_.emplace(call, nullptr);
  LockTransport::WaitEvents events;
  events.on_queued = [this, call](QueueInfo info) {
    loop_.Run([this, call, info = std::move(info)]() mutable {
      Handle([&](Turn& turn) { table_.OnQueued(call, std::move(info), turn); });
    });
  };
  events.on_end = [this, call](absl::StatusOr<Grant> end) {
    loop_.Run([this, call, end = std::move(end)]() mutable {
      waits_.erase(call);
      Handle([&](Turn& turn) { table_.OnGrant(call, std::move(end), turn); });
    });
  };
  waits_[call] = transport_.Wait(send.request, std::move(events));
}

void LeaseDriver::Carry(SendRenew& send) {
  transport_.Renew(send.key, send.lease_id, send.limit,
                   [this, call = send.call](absl::StatusOr<Grant> grant) {
                     loop_.Run([this, call, grant = std::move(grant)]() mutable {
                       Handle([&](Turn& turn) { table_.OnGrant(call, std::move(grant), turn); });
                     });
                   });
}

void LeaseDriver::Carry(SendRenewAll& send) {
  transport_.RenewAll(send.limit, [this, call = send.call](absl::StatusOr<std::uint64_t> leases) {
    loop_.Run([this, call, leases = std::move(leases)] {
      Handle([&](Turn& turn) { table_.OnRenewedAll(call, leases, turn); });
    });
  });
}

void LeaseDriver::Carry(SendRelease& send) {
  transport_.Release(send.key, send.lease_id, send.limit,
                     [this, call = send.call](absl::Status answer) {
                       loop_.Run([this, call, answer = std::move(answer)]() mutable {
                         Handle([&](Turn& turn) { table_.OnAnswer(call, answer, turn); });
                       });
                     });
}

void LeaseDriver::Carry(SendQuery& send) {
  // It may have been stopped in the meantime.
  const auto query = queries_.find(send.request);
  if (query != queries_.end()) query->second.send(send.call, send.limit);
}

void LeaseDriver::Carry(SendDetach& send) { transport_.Detach(send.key, send.lease_id); }

void LeaseDriver::Carry(CancelWait& cancel) {
  const auto wait = waits_.extract(cancel.call);
  if (!wait.empty() && wait.mapped() != nullptr) wait.mapped()->Cancel();
}

void LeaseDriver::Carry(TellQueued& tell) {
  AcquireEvents& events = acquires_.at(tell.claim);
  if (events.on_queued) events.on_queued(std::move(tell.info));
}

void LeaseDriver::Carry(TellUnavailable& tell) {
  AcquireEvents& events = acquires_.at(tell.claim);
  if (events.on_unavailable) events.on_unavailable(std::move(tell.outage));
}

void LeaseDriver::Carry(TellAcquired& tell) {
  // It may own anything, and goes when it has been told.
  auto acquire = acquires_.extract(tell.claim);
  acquire.mapped().done(std::move(tell.result));
}

void LeaseDriver::Carry(TellEnded& tell) {
  if (auto query = queries_.extract(tell.request); !query.empty()) {
    query.mapped().done(std::move(tell.status));
    return;
  }
  auto request = requests_.extract(tell.request);
  if (!request.empty()) request.mapped()(std::move(tell.status));
}

void LeaseDriver::Carry(SignalLost& signal) { signaller_(std::move(signal.lease)); }

}  // namespace holdfast::core
