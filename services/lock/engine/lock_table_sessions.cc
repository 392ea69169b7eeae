// The part of the lock table that knows sessions: who owns one, which leases are in it,
// and what its stream's end means for them.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "services/lock/engine/lock_table.h"

namespace holdfast {

void LockTable::Apply(const Caller& caller, const AttachCommand& command, const Now& now,
                      Effects& effects) {
  const auto refuse = [&](Refused refused) {
    effects.deliveries.push_back(
        {.call = caller.call, .outcome = std::move(refused), .stream = caller.call});
  };
  Session* session = sessions_.Find(command.session_id);
  const bool resumed = session != nullptr;
  const bool late =
      resumed ? command.stream_number <= session->stream_number
              : sessions_.IsRetired(command.session_id, command.stream_number, now.monotonic);
  if (late) {
    refuse({.reason = Refusal::kSessionReplaced});
    return;
  }
  if (!resumed && sessions_.size() >= limits_.max_sessions) {
    refuse({.reason = Refusal::kLimitExceeded, .name = "max_sessions"});
    return;
  }
  if (!resumed && sessions_.usage().Of(command.principal) >= command.quota.sessions) {
    refuse({.reason = Refusal::kLimitExceeded, .name = "quota_sessions"});
    return;
  }
  if (!resumed) session = &sessions_.Add(command.session_id, command.principal);
  if (session->stream != CallId{}) {
    EndStream(*session, {.reason = Refusal::kSessionReplaced}, EndStreamCommand::kAllSent, now,
              effects);
  }
  silence_timers_.Cancel(session->window_end);
  silence_timers_.Cancel(session->bound_end);
  session->stream_number = command.stream_number;
  session->local = command.local;
  session->resumed = resumed;
  session->listing = true;
  session->outcomes = 0;
  session->unlisted.AddAll(session->current);
  sessions_.SetStream(*session, caller.call);
  TakePage({.call = caller.call, .session = session, .operation = caller.operation}, command.leases,
           command.more, command.among.get(), effects);
}

void LockTable::Apply(const Caller& caller, const AttachPageCommand& command, const Now& /*now*/,
                      Effects& effects) {
  TakePage(
      {.call = caller.session->stream, .session = caller.session, .operation = caller.operation},
      command.leases, command.more, command.among.get(), effects);
}

void LockTable::TakePage(const Caller& caller, const std::vector<ListedLease>& leases, bool more,
                         const KeySet* among, Effects& effects) {
  Session& session = *caller.session;
  for (const ListedLease& listed : leases) {
    if (const std::optional<Refusal> wrong = Adopt(caller, listed, among)) {
      TellStream(session,
                 LeaseGone{.key = listed.key, .lease_id = listed.lease_id, .reason = *wrong},
                 effects.deliveries);
    }
  }
  if (more) return;
  session.listing = false;
  if (!session.unlisted.empty()) unlisted_.push_back(session.ordinal);
  effects.Tell(caller, Attached{.resumed = session.resumed});
}

// What is wrong with what the client has listed, if it is not held as listed.
std::optional<Refusal> LockTable::Adopt(const Caller& caller, const ListedLease& listed,
                                        const KeySet* among) {
  const KnownId id = Use(caller, listed.lease_id);
  if (id.ended.has_value()) return AlreadyEnded(*id.ended).reason;
  if (id.unknown()) return Refusal::kLeaseNotFound;
  if (id.key() != listed.key) return Refusal::kLeaseMismatch;
  if (id.waiter != nullptr) return Refusal::kLeaseWaiting;
  if (among != nullptr && !among->Contains(listed.key)) {
    // It has been listed, so it does not end with those that have not.
    MarkDelivered(*id.lease);
    if (id.lease->session == caller.session) Leave(*id.lease);
    return Refusal::kNotPermitted;
  }
  Join(*caller.session, *id.lease);
  MarkDelivered(*id.lease);
  return std::nullopt;
}

void LockTable::Apply(const Caller& caller, const RenewAllCommand& /*command*/, const Now& now,
                      Effects& effects) {
  caller.session->renewed = now.monotonic;
  ++caller.session->renewals;
  effects.Tell(caller, RenewedAll{.leases = caller.session->acknowledged});
}

void LockTable::Apply(const Caller& caller, const DetachCommand& command, const Now& /*now*/,
                      Effects& effects) {
  HeldLease* const lease = HeldOrTell(caller, command.key, command.lease_id, effects);
  if (lease == nullptr) return;
  MarkDelivered(*lease);
  if (lease->session == caller.session) Leave(*lease);
  // Whoever takes it over sends requests of his own.
  lease->origin = 0;
  effects.Tell(caller, Detached{});
}

void LockTable::Apply(const Caller& caller, const AcknowledgeCommand& command, const Now& now,
                      Effects& /*effects*/) {
  Session& session = *caller.session;
  while (!session.told.empty() && session.told.front().number <= command.through) {
    // Taken out first: a grant that has arrived lets go of it.
    const auto what = std::exchange(session.told.front().what, std::monostate());
    if (HeldLease* const* const lease = std::get_if<HeldLease*>(&what)) {
      (*lease)->told = nullptr;
      MarkDelivered(**lease);
    } else if (const EndedRef* const ended = std::get_if<EndedRef>(&what)) {
      if ((*ended)->session == session.ordinal) {
        session.has_forgotten_ids = true;
        ids_.Acknowledged(*ended, now.monotonic);
      } else {
        ids_.NotAcknowledged(*ended, now.monotonic);
      }
    }
    session.told.pop_front();
  }
}

void LockTable::Apply(const Caller& /*caller*/, const EndStreamCommand& command, const Now& now,
                      Effects& effects) {
  Session* const session = sessions_.OfStream(command.stream);
  if (session == nullptr) return;
  EndStream(*session, {.reason = Refusal::kCancelled}, command.sent_through, now, effects);
  if (command.by_client && session->local && session->HasBound()) {
    session->bound_end = silence_timers_.Set(now.monotonic, BoundEnd{session});
  }
}

// Those who wait keep their places for the reattach window. A grant that the client may
// have received is its until it lapses, acknowledged or not: the client counts on it.
void LockTable::EndStream(Session& session, Refused why, std::uint64_t sent_through, const Now& now,
                          Effects& effects) {
  effects.deliveries.push_back(
      {.call = session.stream, .outcome = std::move(why), .stream = session.stream});
  sessions_.ClearStream(session);
  for (const CallId call : std::exchange(session.waiting, {})) {
    DetachCall(*waiting_calls_.at(call), call, now);
  }
  for (const ToldOutcome& told : session.told) {
    if (HeldLease* const* const lease = std::get_if<HeldLease*>(&told.what)) {
      (*lease)->told = nullptr;
      if (told.number > sent_through) NotDelivered(**lease, now);
    } else if (const EndedRef* const ended = std::get_if<EndedRef>(&told.what)) {
      ids_.NotAcknowledged(*ended, now.monotonic);
    }
  }
  session.told.clear();
  session.window_end =
      silence_timers_.Set(now.monotonic + limits_.reattach_window, SessionWindowEnd{&session});
}

// To be called just before the session is told that an id has ended.
void LockTable::AwaitEndAcknowledged(Session& session, EndedRef ended) {
  if (ended->session != session.ordinal || ended->kept != EndedId::Kept::kInFull ||
      session.told.size() >= Session::kMaxTold) {
    return;
  }
  ids_.AwaitAcknowledgement(ended);
  session.told.push_back({.number = session.outcomes + 1, .what = ended});
}

// Its client knows of the grant.
void LockTable::MarkDelivered(HeldLease& lease) {
  silence_timers_.Cancel(lease.undelivered);
  if (lease.told != nullptr) lease.told->what = std::monostate();
  lease.told = nullptr;
  if (lease.delivered) return;
  lease.delivered = true;
  if (lease.session == nullptr) return;
  ++lease.session->acknowledged;
  lease.renewals_before = lease.session->renewals;
}

void LockTable::Join(Session& session, HeldLease& lease) {
  if (lease.session != &session) {
    if (lease.session != nullptr) {
      // Whether it arrived there, nobody will be able to tell.
      MarkDelivered(lease);
      Leave(lease);
    }
    lease.session = &session;
    lease.renewals_before = session.renewals;
    ++session.members;
    if (lease.delivered) ++session.acknowledged;
  }
  lease.Unlink();
  session.current.Of(lease.record.spec.bound).Add(lease);
}

void LockTable::Leave(HeldLease& lease) {
  Session* const session = lease.session;
  if (session == nullptr) return;
  lease.began = lease.Began();
  lease.session = nullptr;
  lease.Unlink();
  if (lease.told != nullptr) lease.told->what = std::monostate();
  lease.told = nullptr;
  --session->members;
  if (lease.delivered) --session->acknowledged;
  if (session->members == 0 && !session->known) {
    silence_timers_.Cancel(session->bound_end);
    sessions_.DestroyIfUnused(*session);
  }
}

// Of every list that is complete, what is not on it; not all at once.
void LockTable::EndUnlisted(const Now& now, Effects& effects) {
  for (int budget = kUnlistedAtOnce; budget > 0 && !unlisted_.empty(); --budget) {
    Session* const session = sessions_.WithOrdinal(unlisted_.front());
    // A newer stream has not completed its list yet.
    if (session == nullptr || session->listing || session->unlisted.empty()) {
      unlisted_.pop_front();
      continue;
    }
    EndLease(static_cast<HeldLease&>(session->unlisted.front()), EndCause::kCancelled, News::kKnown,
             now, effects);
  }
}

void LockTable::FireBoundEnd(Session& session, const Now& now, Effects& effects) {
  session.bound_end.reset();
  MemberList& bound =
      session.current.bound.empty() ? session.unlisted.bound : session.current.bound;
  if (bound.empty()) return;
  // The next one has its turn with the other timers that are due. Set before the lease
  // ends, because the session may be gone with it.
  ++timers_reset_;
  session.bound_end = silence_timers_.Set(now.monotonic, BoundEnd{&session});
  EndLease(static_cast<HeldLease&>(bound.front()), EndCause::kReleased, News::kForSession, now,
           effects);
}

}  // namespace holdfast
