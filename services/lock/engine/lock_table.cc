#include "services/lock/engine/lock_table.h"

#include <algorithm>
#include <utility>

#include "services/lock/engine/lock_listing.h"

namespace holdfast {
namespace {

// How many waiters Get shows.
constexpr std::size_t kWaitersShown = 100;

// The first field in which a request differs from the first one with its
// lease_id; empty if none does. `asked_expire`: that of the first one.
std::string FirstDifference(const LeaseSpec& first, const std::optional<Duration>& asked_expire,
                            const LeaseSpec& again) {
  if (first.key != again.key) return "key";
  if (asked_expire != again.expire) return "expire";
  if (first.tags != again.tags) return "tags";
  if (first.owner != again.owner) return "owner";
  return "";
}

Refused Mismatch(std::string field) {
  return {.reason = Refusal::kLeaseMismatch, .name = std::move(field)};
}

Refused OverLimit(std::string limit) {
  return {.reason = Refusal::kLimitExceeded, .name = std::move(limit)};
}

Refused AlreadyEnded(EndCause cause) {
  switch (cause) {
    case EndCause::kExpired:
      return {.reason = Refusal::kLeaseExpired, .ended_by = cause};
    case EndCause::kForced:
      return {.reason = Refusal::kLeaseForced, .ended_by = cause};
    case EndCause::kReleased:
    case EndCause::kCancelled:
    case EndCause::kTimedOut:
      break;
  }
  return {.reason = Refusal::kLeaseEnded, .ended_by = cause};
}

LeaseEventKind EventOf(EndCause cause) {
  switch (cause) {
    case EndCause::kExpired:
      return LeaseEventKind::kExpired;
    case EndCause::kForced:
      return LeaseEventKind::kForced;
    case EndCause::kReleased:
    case EndCause::kCancelled:  // The server released it, as its caller never got it.
    case EndCause::kTimedOut:   // Not of a lease.
      break;
  }
  return LeaseEventKind::kReleased;
}

// A timeout so long that its end cannot be written down is none.
std::optional<Instant> DeadlineAfter(Instant start, Duration timeout) {
  if (timeout >= Instant::max() - start) return std::nullopt;
  return start + timeout;
}

}  // namespace

void LockTable::Apply(const Command& command, const Now& now, Effects& effects) {
  if (draining_ && ExpectsOutcome(command.body)) {
    effects.Tell(command.call, Refused{.reason = Refusal::kStopping});
    return;
  }
  std::visit([&](const auto& body) { Apply(command.call, body, now, effects); }, command.body);
}

void LockTable::Apply(CallId call, const AcquireCommand& command, const Now& now,
                      Effects& effects) {
  const KnownId id = ids_.Find(command.spec.lease_id);
  if (id.lease != nullptr) {
    AcquireHeld(call, command, *id.lease, now, effects);
  } else if (id.waiter != nullptr) {
    AcquireWaiting(call, command, *id.waiter, now, effects);
  } else if (id.ended.has_value()) {
    effects.Tell(call, Refused{.reason = Refusal::kLeaseEnded, .ended_by = id.ended});
  } else {
    AcquireNew(call, command, now, effects);
  }
}

void LockTable::AcquireHeld(CallId call, const AcquireCommand& command, HeldLease& lease,
                            const Now& now, Effects& effects) {
  std::string field = FirstDifference(lease.record.spec, lease.record.asked_expire(), command.spec);
  if (!field.empty()) {
    effects.Tell(call, Mismatch(std::move(field)));
    return;
  }
  // The client has come back: the grant is its again, if this answer arrives.
  silence_timers_.Cancel(lease.undelivered);
  ++lease.deliveries;
  effects.Tell(call, Granted{lease.ViewFor(command.received, now)});
}

void LockTable::AcquireWaiting(CallId call, const AcquireCommand& command, Waiter& waiter,
                               const Now& now, Effects& effects) {
  std::string field = FirstDifference(waiter.spec, waiter.spec.expire, command.spec);
  LockState& lock = *waiter.lock;
  if (!field.empty()) {
    effects.Tell(call, Mismatch(std::move(field)));
  } else if (lock.is_free() && ids_.leases() >= limits_.max_leases) {
    effects.Tell(call, OverLimit("max_leases"));
  } else if (lock.is_free()) {
    // Only parked waiters are left, and this one has just come back.
    AttachCall(waiter, call, command, now);
    GrantNext(lock, now, effects);
  } else if (command.timeout == Duration::zero()) {
    effects.Tell(call, Blocked(Refusal::kLockHeld, lock, now));
  } else if (waiter.calls.size() >= Waiter::kMaxCalls) {
    effects.Tell(call, OverLimit("max_calls_per_waiter"));
  } else if (waiting_calls_.size() >= limits_.max_open_waits) {
    effects.Tell(call, OverLimit("max_open_waits"));
  } else {
    AttachCall(waiter, call, command, now);
    if (command.report_queue) {
      reporter_.TellNow(waiter, call, lock.queue.PositionOf(waiter), now, effects.deliveries);
    }
  }
}

void LockTable::AcquireNew(CallId call, const AcquireCommand& command, const Now& now,
                           Effects& effects) {
  const auto found = locks_.find(command.spec.key);
  LockState* lock = found == locks_.end() ? nullptr : found->second.get();
  if (lock == nullptr || lock->is_free()) {
    if (ids_.leases() >= limits_.max_leases) {
      effects.Tell(call, OverLimit("max_leases"));
      return;
    }
    HeldLease& lease = Hold(LockFor(command.spec.key), command.spec, now, effects);
    lease.deliveries = 1;
    effects.Tell(call, Granted{lease.ViewFor(command.received, now)});
  } else if (command.timeout == Duration::zero()) {
    effects.Tell(call, Blocked(Refusal::kLockHeld, *lock, now));
  } else if (lock->queue.size() >= limits_.max_waiters_per_key) {
    effects.Tell(call, OverLimit("max_waiters_per_key"));
  } else if (ids_.waiters() >= limits_.max_waiters) {
    effects.Tell(call, OverLimit("max_waiters"));
  } else if (waiting_calls_.size() >= limits_.max_open_waits) {
    effects.Tell(call, OverLimit("max_open_waits"));
  } else {
    Enqueue(call, command, *lock, now, effects);
  }
}

void LockTable::Enqueue(CallId call, const AcquireCommand& command, LockState& lock, const Now& now,
                        Effects& effects) {
  auto owned = std::make_unique<Waiter>();
  owned->spec = command.spec;
  owned->lock = &lock;
  owned->sequence = ++last_sequence_;
  owned->queued = now.monotonic;
  Waiter& waiter = ids_.AddWaiter(std::move(owned));
  lock.queue.Add(waiter);
  AttachCall(waiter, call, command, now);
  if (command.report_queue) {
    const auto position = static_cast<std::uint32_t>(lock.queue.size());
    reporter_.TellNow(waiter, call, position, now, effects.deliveries);
  }
}

void LockTable::Apply(CallId call, const ReleaseCommand& command, const Now& now,
                      Effects& effects) {
  const KnownId id = ids_.Find(command.lease_id);
  if (id.ended.has_value()) {
    Refused refused = AlreadyEnded(*id.ended);
    if (refused.reason == Refusal::kLeaseEnded) {
      // Nothing is held or waiting, which is all that was asked for.
      effects.Tell(call, Released{});
    } else {
      effects.Tell(call, std::move(refused));
    }
  } else if (id.unknown()) {
    // The acquire that this cleans up after may still be on its way.
    ids_.End(command.lease_id, EndCause::kReleased, now.monotonic, effects.changes);
    effects.Tell(call, Refused{.reason = Refusal::kLeaseNotFound});
  } else if (id.key() != command.key) {
    effects.Tell(call, Mismatch("key"));
  } else {
    if (id.lease != nullptr) {
      EndLease(*id.lease, EndCause::kReleased, now, effects);
    } else {
      EndWaiter(*id.waiter, EndCause::kReleased, now, effects);
    }
    effects.Tell(call, Released{});
  }
}

void LockTable::Apply(CallId call, const RenewCommand& command, const Now& now, Effects& effects) {
  const KnownId id = ids_.Find(command.lease_id);
  if (id.ended.has_value()) {
    effects.Tell(call, AlreadyEnded(*id.ended));
  } else if (id.unknown()) {
    effects.Tell(call, Refused{.reason = Refusal::kLeaseNotFound});
  } else if (id.key() != command.key) {
    effects.Tell(call, Mismatch("key"));
  } else if (id.waiter != nullptr) {
    effects.Tell(call, Refused{.reason = Refusal::kLeaseWaiting});
  } else {
    HeldLease& lease = *id.lease;
    // Who renews a lease has been told of it.
    lease.delivered = true;
    silence_timers_.Cancel(lease.undelivered);
    Extend(lease, command.expire, now, effects);
    effects.Tell(call, Renewed{lease.ViewFor(command.received, now)});
  }
}

void LockTable::Apply(CallId call, const GetCommand& command, const Now& now, Effects& effects) {
  const auto found = locks_.find(command.key);
  LockView view{.key = command.key, .holders = {}, .waiters = {}};
  if (found != locks_.end()) view = found->second->View(now, kWaitersShown);
  effects.Tell(call, Shown{std::move(view)});
}

void LockTable::Apply(CallId call, const ListCommand& command, const Now& now, Effects& effects) {
  effects.Tell(call, ListLocks(locks_, command, now));
}

void LockTable::Apply(CallId /*call*/, const CancelCommand& command, const Now& now,
                      Effects& effects) {
  const auto found = waiting_calls_.find(command.call);
  if (found == waiting_calls_.end()) {
    // Unless it watches, it has had its final outcome.
    if (watches_.Stop(command.call)) {
      effects.Tell(command.call, Refused{.reason = Refusal::kCancelled});
    }
    return;
  }
  Waiter& waiter = *found->second;
  DetachCall(waiter, command.call);
  effects.Tell(command.call, Refused{.reason = Refusal::kCancelled});
  if (!waiter.parked()) return;
  waiter.park_end = silence_timers_.Set(now.monotonic + limits_.reattach_window, ParkEnd{&waiter});
}

void LockTable::Apply(CallId /*call*/, const UndeliveredCommand& command, const Now& now,
                      Effects& /*effects*/) {
  HeldLease* lease = ids_.Find(command.lease_id).lease;
  // An earlier grant to this id does not count among the deliveries of this one.
  if (lease != nullptr && lease->record.fencing_token != command.fencing_token) return;
  if (lease == nullptr || lease->delivered || --lease->deliveries > 0) return;
  lease->undelivered =
      silence_timers_.Set(now.monotonic + limits_.reattach_window, DeliveryWindowEnd{lease});
}

void LockTable::Apply(CallId call, const DrainCommand& /*command*/, const Now& /*now*/,
                      Effects& effects) {
  draining_ = true;
  std::vector<Waiter*> waiters;
  waiters.reserve(ids_.waiters());
  for (const auto& [key, lock] : locks_) {
    for (const auto& [sequence, waiter] : lock->queue.places()) waiters.push_back(waiter);
  }
  // The lease ids of those who waited have not ended: they are as free to come
  // back to the next server as after a crash of this one.
  for (Waiter* waiter : waiters) {
    LockState& lock = *waiter->lock;
    for (const WaitingCall& waiting : LeaveQueue(*waiter)) {
      effects.Tell(waiting.id, Refused{.reason = Refusal::kStopping});
    }
    ids_.Forget(waiter->spec.lease_id);
    EraseIfUnused(lock);
  }
  watches_.StopAll(Refused{.reason = Refusal::kStopping}, effects.deliveries);
  effects.Tell(call, Drained{});
}

HeldLease& LockTable::Hold(LockState& lock, LeaseSpec spec, const Now& now, Effects& effects) {
  auto owned = std::make_unique<HeldLease>();
  owned->record = {.spec = std::move(spec),
                   .fencing_token = tokens_.Next(effects.changes),
                   .granted_at = now.wall};
  owned->lock = &lock;
  owned->granted = now.monotonic;
  HeldLease& lease = ids_.AddLease(std::move(owned));
  StartLease(lease, now.monotonic);
  lock.holders.push_back(&lease);
  effects.changes.emplace_back(PutLease{lease.record});
  watches_.Publish(LeaseEventKind::kGranted, lease.record, now, effects.deliveries);
  reporter_.Changed(lock, now.monotonic);
  return lease;
}

// Begins the lease's expire anew.
void LockTable::StartLease(HeldLease& lease, Instant now) {
  lease.began = now;
  silence_timers_.Cancel(lease.lapse);
  if (const std::optional<Duration>& expire = lease.record.spec.expire) {
    lease.lapse = silence_timers_.Set(now + *expire, Lapse{&lease});
  }
}

// A renewal never takes back what its holder has been promised: one that would bring the
// end of the lease forward, late on its way perhaps, changes nothing. So the stored
// expire, with which a restart begins anew, does not fall either while a promise runs
// that it would not cover.
void LockTable::Extend(HeldLease& lease, const std::optional<Duration>& asked, const Now& now,
                       Effects& effects) {
  const std::optional<Duration> present = lease.record.spec.expire;
  if (!present.has_value()) return;  // Promised for ever.
  const Duration expire = asked.value_or(*present);
  if (now.monotonic + expire < lease.began + *present) return;
  if (expire != *present) {
    lease.record.ChangeExpire(expire);
    effects.changes.push_back(PutLease{lease.record});
  }
  StartLease(lease, now.monotonic);
}

void LockTable::EndLease(HeldLease& lease, EndCause cause, const Now& now, Effects& effects) {
  LockState& lock = *lease.lock;
  silence_timers_.Cancel(lease.lapse);
  silence_timers_.Cancel(lease.undelivered);
  std::erase(lock.holders, &lease);
  watches_.Publish(EventOf(cause), lease.record, now, effects.deliveries);
  const std::string& lease_id = lease.record.spec.lease_id;
  ids_.End(lease_id, cause, now.monotonic, effects.changes);  // The lease is gone.
  GrantNext(lock, now, effects);
  EraseIfUnused(lock);
}

void LockTable::AttachCall(Waiter& waiter, CallId call, const AcquireCommand& command,
                           const Now& now) {
  WaitingCall waiting{
      .id = call, .received = command.received, .report_queue = command.report_queue};
  if (const auto deadline = DeadlineAfter(now.monotonic, command.timeout)) {
    waiting.timeout = call_timeouts_.Set(*deadline, call);
  }
  waiter.calls.push_back(std::move(waiting));
  waiting_calls_.emplace(call, &waiter);
  silence_timers_.Cancel(waiter.park_end);
  waiter.lock->queue.UpdateParked(waiter);
}

// REQUIRES: `call` is one of the waiter's.
void LockTable::DetachCall(Waiter& waiter, CallId call) {
  const auto it = std::find_if(waiter.calls.begin(), waiter.calls.end(),
                               [&](const WaitingCall& waiting) { return waiting.id == call; });
  call_timeouts_.Cancel(it->timeout);
  waiter.calls.erase(it);
  waiting_calls_.erase(call);
  waiter.lock->queue.UpdateParked(waiter);
}

// Takes a waiter out of the queue for good, and returns its calls, which have no answer.
std::vector<WaitingCall> LockTable::LeaveQueue(Waiter& waiter) {
  std::vector<WaitingCall> calls = std::exchange(waiter.calls, {});
  for (WaitingCall& call : calls) {
    call_timeouts_.Cancel(call.timeout);
    waiting_calls_.erase(call.id);
  }
  silence_timers_.Cancel(waiter.park_end);
  waiter.lock->queue.Remove(waiter);
  return calls;
}

// Tells the calls of a waiter that its id has ended.
void LockTable::EndWaiter(Waiter& waiter, EndCause cause, const Now& now, Effects& effects) {
  LockState& lock = *waiter.lock;
  const Refused refused = cause == EndCause::kTimedOut
                              ? Blocked(Refusal::kWaitTimeout, lock, now)
                              : Refused{.reason = Refusal::kLeaseEnded, .ended_by = cause};
  reporter_.Changed(lock, now.monotonic);
  for (const WaitingCall& call : LeaveQueue(waiter)) effects.Tell(call.id, refused);
  ids_.End(waiter.spec.lease_id, cause, now.monotonic, effects.changes);  // The waiter is gone.
  EraseIfUnused(lock);
}

// Gives a free lock to the first waiter who is there to take it.
void LockTable::GrantNext(LockState& lock, const Now& now, Effects& effects) {
  if (!lock.is_free()) return;
  Waiter* waiter = lock.queue.FirstReady();
  if (waiter == nullptr) return;
  const std::vector<WaitingCall> calls = LeaveQueue(*waiter);
  HeldLease& lease = Hold(lock, waiter->spec, now, effects);  // The waiter is gone.
  for (const WaitingCall& call : calls) {
    ++lease.deliveries;
    effects.Tell(call.id, Granted{lease.ViewFor(call.received, now)});
  }
}

LockState& LockTable::LockFor(const std::string& key) {
  std::unique_ptr<LockState>& lock = locks_[key];
  if (lock == nullptr) {
    lock = std::make_unique<LockState>();
    lock->key = key;
  }
  return *lock;
}

void LockTable::EraseIfUnused(LockState& lock) {
  if (!lock.is_free() || !lock.queue.empty()) return;
  reporter_.Forget(lock);
  const std::string key = lock.key;
  locks_.erase(key);
}

Refused LockTable::Blocked(Refusal reason, const LockState& lock, const Now& now) const {
  Refused refused{.reason = reason, .queue_length = static_cast<std::uint32_t>(lock.queue.size())};
  if (!lock.is_free()) refused.holder = lock.holders.front()->PublicView(now);
  return refused;
}

}  // namespace holdfast
