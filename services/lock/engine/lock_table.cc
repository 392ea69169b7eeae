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
  const std::string& lease_id = command.spec.lease_id;
  if (HeldLease* lease = FindLease(lease_id)) {
    AcquireHeld(call, command, *lease, now, effects);
  } else if (Waiter* waiter = FindWaiter(lease_id)) {
    AcquireWaiting(call, command, *waiter, now, effects);
  } else if (const std::optional<EndCause> cause = ended_.Find(lease_id)) {
    effects.Tell(call, Refused{.reason = Refusal::kLeaseEnded, .ended_by = cause});
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
  } else if (lock.is_free() && leases_.size() >= limits_.max_leases) {
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
    if (leases_.size() >= limits_.max_leases) {
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
  } else if (waiters_.size() >= limits_.max_waiters) {
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
  Waiter& waiter = *owned;
  waiter.spec = command.spec;
  waiter.lock = &lock;
  waiter.sequence = ++last_sequence_;
  waiter.queued = now.monotonic;
  waiters_.emplace(waiter.spec.lease_id, std::move(owned));
  lock.queue.Add(waiter);
  AttachCall(waiter, call, command, now);
  if (command.report_queue) {
    const auto position = static_cast<std::uint32_t>(lock.queue.size());
    reporter_.TellNow(waiter, call, position, now, effects.deliveries);
  }
}

void LockTable::Apply(CallId call, const ReleaseCommand& command, const Now& now,
                      Effects& effects) {
  if (HeldLease* lease = FindLease(command.lease_id)) {
    if (lease->record.spec.key != command.key) {
      effects.Tell(call, Mismatch("key"));
      return;
    }
    EndLease(*lease, EndCause::kReleased, now, effects);
    effects.Tell(call, Released{});
  } else if (Waiter* waiter = FindWaiter(command.lease_id)) {
    if (waiter->spec.key != command.key) {
      effects.Tell(call, Mismatch("key"));
      return;
    }
    EndWaiter(*waiter, EndCause::kReleased, now, effects);
    effects.Tell(call, Released{});
  } else if (const std::optional<EndCause> cause = ended_.Find(command.lease_id)) {
    Refused refused = AlreadyEnded(*cause);
    if (refused.reason == Refusal::kLeaseEnded) {
      // Nothing is held or waiting, which is all that was asked for.
      effects.Tell(call, Released{});
    } else {
      effects.Tell(call, std::move(refused));
    }
  } else {
    // The acquire that this cleans up after may still be on its way.
    ended_.Add(command.lease_id, EndCause::kReleased, now.monotonic, effects.changes);
    effects.Tell(call, Refused{.reason = Refusal::kLeaseNotFound});
  }
}

void LockTable::Apply(CallId call, const RenewCommand& command, const Now& now, Effects& effects) {
  HeldLease* lease = FindLease(command.lease_id);
  if (lease == nullptr) {
    const std::optional<EndCause> cause = ended_.Find(command.lease_id);
    const Waiter* waiter = FindWaiter(command.lease_id);
    if (cause.has_value()) {
      effects.Tell(call, AlreadyEnded(*cause));
    } else if (waiter != nullptr && waiter->spec.key != command.key) {
      effects.Tell(call, Mismatch("key"));
    } else {
      effects.Tell(call, Refused{.reason = waiter == nullptr ? Refusal::kLeaseNotFound
                                                             : Refusal::kLeaseWaiting});
    }
    return;
  }
  if (lease->record.spec.key != command.key) {
    effects.Tell(call, Mismatch("key"));
    return;
  }
  // Who renews a lease has been told of it.
  lease->delivered = true;
  silence_timers_.Cancel(lease->undelivered);
  Extend(*lease, command.expire, now, effects);
  effects.Tell(call, Renewed{lease->ViewFor(command.received, now)});
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
  HeldLease* lease = FindLease(command.lease_id);
  // An earlier grant to this id does not count among the deliveries of this one.
  if (lease != nullptr && lease->record.fencing_token != command.fencing_token) return;
  if (lease == nullptr || lease->delivered || --lease->deliveries > 0) return;
  lease->undelivered =
      silence_timers_.Set(now.monotonic + limits_.reattach_window, DeliveryWindowEnd{lease});
}

void LockTable::Apply(CallId call, const DrainCommand& /*command*/, const Now& /*now*/,
                      Effects& effects) {
  draining_ = true;
  for (const auto& [key, lock] : locks_) {
    for (const auto& [sequence, waiter] : lock->queue.places()) {
      for (const WaitingCall& waiting : waiter->calls) {
        effects.Tell(waiting.id, Refused{.reason = Refusal::kStopping});
      }
    }
  }
  // The lease ids of those who waited have not ended: they are as free to come
  // back to the next server as after a crash of this one.
  std::vector<Waiter*> waiters;
  waiters.reserve(waiters_.size());
  for (const auto& [lease_id, waiter] : waiters_) waiters.push_back(waiter.get());
  for (Waiter* waiter : waiters) EraseWaiter(*waiter);
  watches_.StopAll(Refused{.reason = Refusal::kStopping}, effects.deliveries);
  effects.Tell(call, Drained{});
}

HeldLease& LockTable::Hold(LockState& lock, LeaseSpec spec, const Now& now, Effects& effects) {
  auto owned = std::make_unique<HeldLease>();
  HeldLease& lease = *owned;
  lease.record = {.spec = std::move(spec),
                  .fencing_token = tokens_.Next(effects.changes),
                  .granted_at = now.wall};
  lease.lock = &lock;
  lease.granted = now.monotonic;
  StartLease(lease, now.monotonic);
  lock.holders.push_back(&lease);
  leases_.emplace(lease.record.spec.lease_id, std::move(owned));
  effects.changes.push_back(PutLease{lease.record});
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
  const std::string lease_id = lease.record.spec.lease_id;
  leases_.erase(lease_id);
  effects.changes.push_back(DeleteLease{lease_id});
  ended_.Add(lease_id, cause, now.monotonic, effects.changes);
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

// Takes a waiter out of the queue for good and tells its calls.
void LockTable::EndWaiter(Waiter& waiter, EndCause cause, const Now& now, Effects& effects) {
  const Refused refused = cause == EndCause::kTimedOut
                              ? Blocked(Refusal::kWaitTimeout, *waiter.lock, now)
                              : Refused{.reason = Refusal::kLeaseEnded, .ended_by = cause};
  for (const WaitingCall& call : waiter.calls) effects.Tell(call.id, refused);
  ended_.Add(waiter.spec.lease_id, cause, now.monotonic, effects.changes);
  reporter_.Changed(*waiter.lock, now.monotonic);
  EraseWaiter(waiter);
}

// Also erases its lock, if that is now of no use.
void LockTable::EraseWaiter(Waiter& waiter) {
  for (WaitingCall& call : waiter.calls) {
    call_timeouts_.Cancel(call.timeout);
    waiting_calls_.erase(call.id);
  }
  silence_timers_.Cancel(waiter.park_end);
  LockState& lock = *waiter.lock;
  lock.queue.Remove(waiter);
  const std::string lease_id = waiter.spec.lease_id;
  waiters_.erase(lease_id);
  EraseIfUnused(lock);
}

// Gives a free lock to the first waiter who is there to take it.
void LockTable::GrantNext(LockState& lock, const Now& now, Effects& effects) {
  if (!lock.is_free()) return;
  Waiter* waiter = lock.queue.FirstReady();
  if (waiter == nullptr) return;
  HeldLease& lease = Hold(lock, waiter->spec, now, effects);
  for (const WaitingCall& call : waiter->calls) {
    ++lease.deliveries;
    effects.Tell(call.id, Granted{lease.ViewFor(call.received, now)});
  }
  EraseWaiter(*waiter);
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

HeldLease* LockTable::FindLease(const std::string& lease_id) const {
  const auto found = leases_.find(lease_id);
  return found == leases_.end() ? nullptr : found->second.get();
}

Waiter* LockTable::FindWaiter(const std::string& lease_id) const {
  const auto found = waiters_.find(lease_id);
  return found == waiters_.end() ? nullptr : found->second.get();
}

}  // namespace holdfast
