// The part of the lock table for those who wait: into the queue, and out of it by a grant
// or without one.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "services/lock/engine/lock_table.h"

namespace holdfast {
namespace {

// A timeout so long that its end cannot be written down is none.
std::optional<Instant> DeadlineAfter(Instant start, Duration timeout) {
  if (timeout >= Instant::max() - start) return std::nullopt;
  return start + timeout;
}

}  // namespace

void LockTable::Enqueue(const Caller& caller, const AcquireCommand& command, LockState& lock,
                        const Now& now, Effects& effects) {
  auto owned = std::make_unique<Waiter>();
  owned->spec = command.spec;
  owned->principal = command.principal;
  owned->lock = &lock;
  owned->sequence = ++last_sequence_;
  owned->queued = now.monotonic;
  owned->origin = caller.session == nullptr ? 0 : caller.session->ordinal;
  Waiter& waiter = ids_.AddWaiter(std::move(owned));
  lock.queue.Add(waiter);
  AttachCall(waiter, caller, command, now);
  if (command.report_queue) {
    const auto position = static_cast<std::uint32_t>(lock.queue.size());
    reporter_.TellNow(waiter, caller.call, position, now, effects.deliveries);
  }
}

void LockTable::Apply(const Caller& /*caller*/, const CancelCommand& command, const Now& now,
                      Effects& effects) {
  const auto found = waiting_calls_.find(command.call);
  if (found == waiting_calls_.end()) {
    // Unless it watches, it has had its final outcome.
    if (watches_.Stop(command.call)) {
      effects.Tell({.call = command.call}, Refused{.reason = Refusal::kCancelled});
    }
    return;
  }
  DetachCall(*found->second, command.call, now);
  effects.Tell({.call = command.call}, Refused{.reason = Refusal::kCancelled});
}

void LockTable::AttachCall(Waiter& waiter, const Caller& caller, const AcquireCommand& command,
                           const Now& now) {
  WaitingCall waiting{
      .caller = caller, .received = command.received, .report_queue = command.report_queue};
  if (const auto deadline = DeadlineAfter(now.monotonic, command.timeout)) {
    waiting.timeout = call_timeouts_.Set(*deadline, caller.call);
  }
  waiter.calls.push_back(std::move(waiting));
  waiting_calls_.emplace(caller.call, &waiter);
  if (caller.session != nullptr) caller.session->waiting.insert(caller.call);
  silence_timers_.Cancel(waiter.park_end);
  waiter.lock->queue.UpdateParked(waiter);
}

// REQUIRES: `call` is one of the waiter's. Without any it is parked.
void LockTable::DetachCall(Waiter& waiter, CallId call, const Now& now) {
  const auto it =
      std::find_if(waiter.calls.begin(), waiter.calls.end(),
                   [&](const WaitingCall& waiting) { return waiting.caller.call == call; });
  call_timeouts_.Cancel(it->timeout);
  waiter.calls.erase(it);
  waiting_calls_.erase(call);
  waiter.lock->queue.UpdateParked(waiter);
  if (!waiter.parked()) return;
  waiter.park_end = silence_timers_.Set(now.monotonic + limits_.reattach_window, ParkEnd{&waiter});
}

// Takes a waiter out of the queue for good, and returns its calls, which have no answer.
std::vector<WaitingCall> LockTable::LeaveQueue(Waiter& waiter) {
  std::vector<WaitingCall> calls = std::exchange(waiter.calls, {});
  for (WaitingCall& call : calls) {
    call_timeouts_.Cancel(call.timeout);
    waiting_calls_.erase(call.caller.call);
    if (call.caller.session != nullptr) call.caller.session->waiting.erase(call.caller.call);
  }
  silence_timers_.Cancel(waiter.park_end);
  waiter.lock->queue.Remove(waiter);
  return calls;
}

// Tells the calls of a waiter that its id has ended.
EndedRef LockTable::EndWaiter(Waiter& waiter, EndCause cause, const Now& now, Effects& effects) {
  LockState& lock = *waiter.lock;
  const Refused refused = cause == EndCause::kTimedOut
                              ? Blocked(Refusal::kWaitTimeout, lock, now)
                              : Refused{.reason = Refusal::kLeaseEnded, .ended_by = cause};
  reporter_.Changed(lock, now.monotonic);
  const std::vector<WaitingCall> calls = LeaveQueue(waiter);
  const EndedRef ended = ids_.End(waiter.spec.lease_id, cause, now.monotonic, effects.changes,
                                  waiter.origin);  // The waiter is gone.
  for (const WaitingCall& call : calls) {
    Session* const session = call.caller.session;
    if (session != nullptr && cause == EndCause::kTimedOut) AwaitEndAcknowledged(*session, ended);
    effects.Tell(call.caller, refused);
  }
  EraseIfUnused(lock);
  return ended;
}

// Gives a free lock to the first waiter who is there to take it.
void LockTable::GrantNext(LockState& lock, const Now& now, Effects& effects) {
  if (!lock.is_free()) return;
  Waiter* waiter = lock.queue.FirstReady();
  if (waiter == nullptr) return;
  const std::vector<WaitingCall> calls = LeaveQueue(*waiter);
  const std::uint64_t origin = waiter->origin;
  HeldLease& lease =
      Hold(lock, waiter->spec, waiter->principal, now, effects);  // The waiter is gone.
  lease.origin = origin;
  for (const WaitingCall& call : calls) TellGrant(call.caller, lease, call.received, now, effects);
}

}  // namespace holdfast
