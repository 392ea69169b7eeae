#include "services/lock/engine/lock_table.h"

#include <algorithm>
#include <string_view>
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
  if (first.bound != again.bound) return "bound";
  if (first.max_hold != again.max_hold) return "max_hold";
  return "";
}

Refused Mismatch(std::string field) {
  return {.reason = Refusal::kLeaseMismatch, .name = std::move(field)};
}

Refused OverLimit(std::string limit) {
  return {.reason = Refusal::kLimitExceeded, .name = std::move(limit)};
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

}  // namespace

void LockTable::Apply(const Command& command, const Now& now, Effects& effects) {
  Caller caller{.call = command.call, .operation = command.operation};
  std::optional<Refusal> refused;
  if (command.stream != CallId{} && command.stream != command.call) {
    caller.session = sessions_.OfStream(command.stream);
    if (caller.session == nullptr) refused = Refusal::kSessionReplaced;
  } else if (draining_ && ExpectsOutcome(command.body)) {
    refused = Refusal::kStopping;
  }
  if (!refused.has_value()) {
    std::visit([&](const auto& body) { Apply(caller, body, now, effects); }, command.body);
  } else if (ExpectsOutcome(command.body)) {
    effects.deliveries.push_back({.call = command.call,
                                  .outcome = Refused{.reason = *refused},
                                  .stream = command.stream,
                                  .operation = command.operation});
  }
}

// What is known of an id that the caller names.
KnownId LockTable::Use(const Caller& caller, const std::string& lease_id) {
  const KnownId id = ids_.Find(lease_id);
  const std::uint64_t user = caller.session == nullptr ? 0 : caller.session->ordinal;
  if (id.lease != nullptr && id.lease->origin != user) id.lease->origin = 0;
  if (id.waiter != nullptr && id.waiter->origin != user) id.waiter->origin = 0;
  if (id.ended.has_value() && id.ended_ref->session != user) id.ended_ref->session = 0;
  return id;
}

void LockTable::Apply(const Caller& caller, const AcquireCommand& command, const Now& now,
                      Effects& effects) {
  const KnownId id = Use(caller, command.spec.lease_id);
  if (id.lease != nullptr) {
    AcquireHeld(caller, command, *id.lease, now, effects);
  } else if (id.waiter != nullptr) {
    AcquireWaiting(caller, command, *id.waiter, now, effects);
  } else if (id.ended.has_value()) {
    effects.Tell(caller, Refused{.reason = Refusal::kLeaseEnded, .ended_by = id.ended});
  } else {
    AcquireNew(caller, command, now, effects);
  }
}

void LockTable::AcquireHeld(const Caller& caller, const AcquireCommand& command, HeldLease& lease,
                            const Now& now, Effects& effects) {
  std::string field = FirstDifference(lease.record.spec, lease.record.asked_expire(), command.spec);
  if (!field.empty()) {
    effects.Tell(caller, Mismatch(std::move(field)));
    return;
  }
  // The client has come back: the grant is its again, if this answer arrives.
  silence_timers_.Cancel(lease.undelivered);
  TellGrant(caller, lease, command.received, now, effects);
}

void LockTable::AcquireWaiting(const Caller& caller, const AcquireCommand& command, Waiter& waiter,
                               const Now& now, Effects& effects) {
  std::string field = FirstDifference(waiter.spec, waiter.spec.expire, command.spec);
  LockState& lock = *waiter.lock;
  if (!field.empty()) {
    effects.Tell(caller, Mismatch(std::move(field)));
  } else if (lock.is_free() && ids_.leases() >= limits_.max_leases) {
    effects.Tell(caller, OverLimit("max_leases"));
  } else if (lock.is_free()) {
    // Only parked waiters are left, and this one has just come back.
    AttachCall(waiter, caller, command, now);
    GrantNext(lock, now, effects);
  } else if (command.timeout == Duration::zero()) {
    effects.Tell(caller, Blocked(Refusal::kLockHeld, lock, now));
  } else if (waiter.calls.size() >= Waiter::kMaxCalls) {
    effects.Tell(caller, OverLimit("max_calls_per_waiter"));
  } else if (waiting_calls_.size() >= limits_.max_open_waits) {
    effects.Tell(caller, OverLimit("max_open_waits"));
  } else {
    AttachCall(waiter, caller, command, now);
    if (command.report_queue) {
      reporter_.TellNow(waiter, caller.call, lock.queue.PositionOf(waiter), now,
                        effects.deliveries);
    }
  }
}

void LockTable::AcquireNew(const Caller& caller, const AcquireCommand& command, const Now& now,
                           Effects& effects) {
  const auto found = locks_.find(command.spec.key);
  LockState* lock = found == locks_.end() ? nullptr : found->second.get();
  if (caller.session != nullptr && caller.session->told.size() >= Session::kMaxTold) {
    effects.Tell(caller, OverLimit("max_session_unacknowledged"));
  } else if (ids_.lease_usage().Of(command.principal) >= command.quota.leases) {
    effects.Tell(caller, OverLimit("quota_leases"));
  } else if (lock == nullptr || lock->is_free()) {
    if (ids_.leases() >= limits_.max_leases) {
      effects.Tell(caller, OverLimit("max_leases"));
      return;
    }
    HeldLease& lease =
        Hold(LockFor(command.spec.key), command.spec, command.principal, now, effects);
    lease.origin = caller.session == nullptr ? 0 : caller.session->ordinal;
    TellGrant(caller, lease, command.received, now, effects);
  } else if (command.timeout == Duration::zero()) {
    effects.Tell(caller, Blocked(Refusal::kLockHeld, *lock, now));
  } else if (lock->queue.size() >= limits_.max_waiters_per_key) {
    effects.Tell(caller, OverLimit("max_waiters_per_key"));
  } else if (ids_.waiter_usage().Of(command.principal) >= command.quota.waiters) {
    effects.Tell(caller, OverLimit("quota_waiters"));
  } else if (ids_.waiters() >= limits_.max_waiters) {
    effects.Tell(caller, OverLimit("max_waiters"));
  } else if (waiting_calls_.size() >= limits_.max_open_waits) {
    effects.Tell(caller, OverLimit("max_open_waits"));
  } else {
    Enqueue(caller, command, *lock, now, effects);
  }
}

void LockTable::Apply(const Caller& caller, const ReleaseCommand& command, const Now& now,
                      Effects& effects) {
  const KnownId id = Use(caller, command.lease_id);
  if (id.ended.has_value()) {
    Refused refused = AlreadyEnded(*id.ended);
    if (refused.reason == Refusal::kLeaseEnded) {
      // Nothing is held or waiting, which is all that was asked for.
      if (caller.session != nullptr) AwaitEndAcknowledged(*caller.session, id.ended_ref);
      effects.Tell(caller, Released{});
    } else {
      effects.Tell(caller, std::move(refused));
    }
  } else if (id.unknown()) {
    // The acquire that this cleans up after may still be on its way.
    ids_.End(command.lease_id, EndCause::kReleased, now.monotonic, effects.changes);
    effects.Tell(caller, Refused{.reason = Refusal::kLeaseNotFound});
  } else if (id.key() != command.key) {
    effects.Tell(caller, Mismatch("key"));
  } else {
    EndedRef ended;
    if (id.lease != nullptr) {
      const bool own = id.lease->session == caller.session;
      ended = EndLease(*id.lease, EndCause::kReleased, own ? News::kKnown : News::kForSession, now,
                       effects);
    } else {
      ended = EndWaiter(*id.waiter, EndCause::kReleased, now, effects);
    }
    if (caller.session != nullptr) AwaitEndAcknowledged(*caller.session, ended);
    effects.Tell(caller, Released{});
  }
}

void LockTable::Apply(const Caller& caller, const RenewCommand& command, const Now& now,
                      Effects& effects) {
  HeldLease* const lease = HeldOrTell(caller, command.key, command.lease_id, effects);
  if (lease == nullptr) return;
  // Who renews a lease has been told of it.
  MarkDelivered(*lease);
  Extend(*lease, command.expire, now, effects);
  effects.Tell(caller, Renewed{lease->ViewFor(command.received, now)});
}

HeldLease* LockTable::HeldOrTell(const Caller& caller, const std::string& key,
                                 const std::string& lease_id, Effects& effects) {
  const KnownId id = Use(caller, lease_id);
  if (id.ended.has_value()) {
    effects.Tell(caller, AlreadyEnded(*id.ended));
  } else if (id.unknown()) {
    effects.Tell(caller, Refused{.reason = Refusal::kLeaseNotFound});
  } else if (id.key() != key) {
    effects.Tell(caller, Mismatch("key"));
  } else if (id.waiter != nullptr) {
    effects.Tell(caller, Refused{.reason = Refusal::kLeaseWaiting});
  }
  return id.lease != nullptr && id.key() == key ? id.lease : nullptr;
}

void LockTable::Apply(const Caller& caller, const GetCommand& command, const Now& now,
                      Effects& effects) {
  const auto found = locks_.find(command.key);
  LockView view{.key = command.key, .holders = {}, .waiters = {}};
  if (found != locks_.end()) view = found->second->View(now, kWaitersShown);
  effects.Tell(caller, Shown{std::move(view)});
}

void LockTable::Apply(const Caller& caller, const ListCommand& command, const Now& now,
                      Effects& effects) {
  effects.Tell(caller, ListLocks(locks_, command, now));
}

void LockTable::Apply(const Caller& /*caller*/, const UndeliveredCommand& command, const Now& now,
                      Effects& /*effects*/) {
  HeldLease* lease = ids_.Find(command.lease_id).lease;
  // An earlier grant to this id does not count among the deliveries of this one.
  if (lease != nullptr && lease->record.fencing_token != command.fencing_token) return;
  if (lease != nullptr) NotDelivered(*lease, now);
}

// One of the answers that carried the grant did not arrive.
void LockTable::NotDelivered(HeldLease& lease, const Now& now) {
  if (lease.delivered || --lease.deliveries > 0) return;
  lease.undelivered =
      silence_timers_.Set(now.monotonic + limits_.reattach_window, DeliveryWindowEnd{&lease});
}

void LockTable::Apply(const Caller& caller, const DrainCommand& /*command*/, const Now& now,
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
      if (waiting.caller.session != nullptr) continue;  // Its whole stream ends.
      effects.Tell(waiting.caller, Refused{.reason = Refusal::kStopping});
    }
    ids_.Forget(waiter->spec.lease_id);
    EraseIfUnused(lock);
  }
  // What they hold, bound or not, runs to its lapse.
  while (!sessions_.streams().empty()) {
    EndStream(*sessions_.streams().begin()->second, {.reason = Refusal::kStopping},
              EndStreamCommand::kAllSent, now, effects);
  }
  watches_.StopAll(Refused{.reason = Refusal::kStopping}, effects.deliveries);
  effects.Tell(caller, Drained{});
}

void LockTable::TellGrant(const Caller& caller, HeldLease& lease, Instant received, const Now& now,
                          Effects& effects) {
  if (caller.session == nullptr) {
    ++lease.deliveries;
  } else {
    Session& session = *caller.session;
    Join(session, lease);
    if (!lease.delivered && lease.told == nullptr) {
      ++lease.deliveries;
      session.told.push_back({.number = session.outcomes + 1, .what = &lease});
      lease.told = &session.told.back();
    }
  }
  effects.Tell(caller, Granted{lease.ViewFor(received, now)});
}

HeldLease& LockTable::Hold(LockState& lock, LeaseSpec spec, Principal principal, const Now& now,
                           Effects& effects) {
  auto owned = std::make_unique<HeldLease>();
  owned->record = {.spec = std::move(spec),
                   .fencing_token = tokens_.Next(effects.changes),
                   .granted_at = now.wall,
                   .principal = std::move(principal)};
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
  if (const std::optional<Instant> lapses = lease.Lapses()) {
    lease.lapse = silence_timers_.Set(*lapses, Lapse{&lease});
  }
}

// A renewal never takes back what its holder has been promised: one that would bring the
// end of the lease forward, late on its way perhaps, changes nothing. So the stored
// expire, with which a restart begins anew, does not fall either while a promise runs
// that it would not cover.
void LockTable::Extend(HeldLease& lease, const std::optional<Duration>& asked, const Now& now,
                       Effects& effects) {
  const std::optional<Duration> present = lease.record.spec.expire;
  if (!present.has_value()) return;  // Promised for ever, or for its max_hold.
  const Duration expire = asked.value_or(*present);
  if (now.monotonic + expire < lease.Began() + *present) return;
  if (expire != *present) {
    lease.record.ChangeExpire(expire);
    effects.changes.push_back(PutLease{lease.record});
  }
  StartLease(lease, now.monotonic);
}

EndedRef LockTable::EndLease(HeldLease& lease, EndCause cause, News news, const Now& now,
                             Effects& effects) {
  LockState& lock = *lease.lock;
  silence_timers_.Cancel(lease.lapse);
  silence_timers_.Cancel(lease.undelivered);
  lock.holders.erase(std::find(lock.holders.begin(), lock.holders.end(), &lease));
  watches_.Publish(EventOf(cause), lease.record, now, effects.deliveries);
  const std::string& lease_id = lease.record.spec.lease_id;
  Session* const session = lease.session;
  if (session == nullptr || session->stream == CallId{}) news = News::kKnown;
  LeaseGone gone;
  if (news == News::kForSession) {
    gone = {.key = lock.key, .lease_id = lease_id, .reason = AlreadyEnded(cause).reason};
  }
  Leave(lease);
  const EndedRef ended =
      ids_.End(lease_id, cause, now.monotonic, effects.changes, lease.origin);  // It is gone.
  if (news == News::kForSession) {
    AwaitEndAcknowledged(*session, ended);
    TellStream(*session, std::move(gone), effects.deliveries);
  }
  GrantNext(lock, now, effects);
  EraseIfUnused(lock);
  return ended;
}

LockState& LockTable::LockFor(const std::string& key) {
  const auto found = locks_.find(key);
  if (found != locks_.end()) return *found->second;
  auto owned = std::make_unique<LockState>();
  LockState& lock = *owned;
  lock.key = key;
  locks_.emplace(std::string_view(lock.key), std::move(owned));
  return lock;
}

void LockTable::EraseIfUnused(LockState& lock) {
  if (!lock.is_free() || !lock.queue.empty()) return;
  reporter_.Forget(lock);
  locks_.erase(locks_.find(lock.key));
}

Refused LockTable::AlreadyEnded(EndCause cause) {
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

Refused LockTable::Blocked(Refusal reason, const LockState& lock, const Now& now) const {
  Refused refused{.reason = reason, .queue_length = static_cast<std::uint32_t>(lock.queue.size())};
  if (!lock.is_free()) refused.holder = lock.holders.front()->PublicView(now);
  return refused;
}

}  // namespace holdfast
