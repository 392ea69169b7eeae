#include "services/lock/engine/lease_ids.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "absl/hash/hash.h"

namespace holdfast {

std::size_t LeaseIds::Hash::operator()(std::string_view lease_id) const {
  return absl::Hash<std::string_view>()(lease_id);
}

std::string_view LeaseIds::IdOf(const State& state) {
  if (const auto* lease = std::get_if<std::unique_ptr<HeldLease>>(&state)) {
    return (*lease)->record.spec.lease_id;
  }
  if (const auto* waiter = std::get_if<std::unique_ptr<Waiter>>(&state)) {
    return (*waiter)->spec.lease_id;
  }
  return std::get<EndedRef>(state)->lease_id;
}

KnownId LeaseIds::Find(std::string_view lease_id) const {
  KnownId known;
  const auto found = entries_.find(lease_id);
  if (found == entries_.end()) return known;
  if (const auto* lease = std::get_if<std::unique_ptr<HeldLease>>(&found->state)) {
    known.lease = lease->get();
  } else if (const auto* waiter = std::get_if<std::unique_ptr<Waiter>>(&found->state)) {
    known.waiter = waiter->get();
  } else {
    known.ended_ref = std::get<EndedRef>(found->state);
    known.ended = known.ended_ref->cause;
  }
  return known;
}

void LeaseIds::Set(State state) {
  Count(state);
  const auto found = entries_.find(IdOf(state));
  if (found == entries_.end()) {
    entries_.insert(Entry{std::move(state)});
  } else {
    Uncount(found->state);
    found->state = std::move(state);
  }
}

void LeaseIds::Count(const State& state) {
  if (const auto* lease = std::get_if<std::unique_ptr<HeldLease>>(&state)) {
    lease_usage_.Add((*lease)->record.principal);
  } else if (const auto* waiter = std::get_if<std::unique_ptr<Waiter>>(&state)) {
    waiter_usage_.Add((*waiter)->principal);
    ++waiters_;
  }
}

// Before what has the principal goes.
void LeaseIds::Uncount(const State& state) {
  if (const auto* lease = std::get_if<std::unique_ptr<HeldLease>>(&state)) {
    lease_usage_.Remove((*lease)->record.principal);
  } else if (const auto* waiter = std::get_if<std::unique_ptr<Waiter>>(&state)) {
    waiter_usage_.Remove((*waiter)->principal);
    --waiters_;
  }
}

Waiter& LeaseIds::AddWaiter(std::unique_ptr<Waiter> waiter) {
  Waiter& added = *waiter;
  Set(std::move(waiter));
  return added;
}

HeldLease& LeaseIds::AddLease(std::unique_ptr<HeldLease> lease) {
  HeldLease& added = *lease;
  Set(std::move(lease));
  return added;
}

EndedRef LeaseIds::End(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes,
                       std::uint64_t session) {
  if (ended() >= max_ended_) {
    if (!acknowledged_.empty()) {
      ++forgotten_acknowledged_;
      ForgetOldest(acknowledged_, changes);
    } else if (!retained_.empty()) {
      ++forgotten_early_;
      ForgetOldest(retained_, changes);
    }
  }
  changes.push_back(PutEnded{.lease_id = std::string(lease_id), .cause = cause});
  return AddEnded(lease_id, cause, now, session);
}

void LeaseIds::RestoreEnded(std::string_view lease_id, EndCause cause, Instant now) {
  AddEnded(lease_id, cause, now, 0);
}

EndedRef LeaseIds::AddEnded(std::string_view lease_id, EndCause cause, Instant now,
                            std::uint64_t session) {
  retained_.push_back(
      {.lease_id = std::string(lease_id), .since = now, .cause = cause, .session = session});
  const EndedRef ended = std::prev(retained_.end());
  Set(ended);
  return ended;
}

void LeaseIds::AwaitAcknowledgement(EndedRef ended) {
  ended->kept = EndedId::Kept::kAwaited;
  awaited_.splice(awaited_.end(), retained_, ended);
}

void LeaseIds::Acknowledged(EndedRef ended, Instant now) {
  ended->kept = EndedId::Kept::kAcknowledged;
  ended->since = now;
  acknowledged_.splice(acknowledged_.end(), awaited_, ended);
}

void LeaseIds::NotAcknowledged(EndedRef ended, Instant now) {
  ended->kept = EndedId::Kept::kInFull;
  ended->since = now;
  retained_.splice(retained_.end(), awaited_, ended);
}

void LeaseIds::Forget(std::string_view lease_id) {
  const auto found = entries_.find(lease_id);
  Uncount(found->state);
  entries_.erase(found);
}

std::optional<Instant> LeaseIds::NextPrune() const {
  std::optional<Instant> next;
  if (!retained_.empty()) next = retained_.front().since + kRetention + kPruneInterval;
  if (!acknowledged_.empty()) {
    const Instant due = acknowledged_.front().since + kPruneInterval;
    next = std::min(next.value_or(due), due);
  }
  return next;
}

void LeaseIds::Prune(Instant now, RecordBatch& changes) {
  for (int i = 0; i < kPrunedAtOnce && !retained_.empty(); ++i) {
    if (now - retained_.front().since < kRetention) break;
    ForgetOldest(retained_, changes);
  }
  if (acknowledged_.empty()) return;
  if (changes.empty() && now - acknowledged_.front().since < kPruneInterval) return;
  // As many as there are other changes, so that it keeps up with any number of ends.
  std::size_t budget = std::max<std::size_t>(kPrunedAtOnce, changes.size());
  for (; budget > 0 && !acknowledged_.empty(); --budget) {
    ++forgotten_acknowledged_;
    ForgetOldest(acknowledged_, changes);
  }
}

void LeaseIds::ForgetOldest(std::list<EndedId>& ended, RecordBatch& changes) {
  entries_.erase(entries_.find(ended.front().lease_id));
  changes.push_back(DeleteEnded{.lease_id = std::move(ended.front().lease_id)});
  ended.pop_front();
}

}  // namespace holdfast
