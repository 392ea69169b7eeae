#include "services/lock/engine/lease_ids.h"

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
  return std::get<const Ended*>(state)->lease_id;
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
    known.ended = std::get<const Ended*>(found->state)->cause;
  }
  return known;
}

void LeaseIds::Set(State state) {
  const bool waits = std::holds_alternative<std::unique_ptr<Waiter>>(state);
  const auto found = entries_.find(IdOf(state));
  if (found == entries_.end()) {
    entries_.insert(Entry{std::move(state)});
  } else {
    if (std::holds_alternative<std::unique_ptr<Waiter>>(found->state)) --waiters_;
    found->state = std::move(state);
  }
  if (waits) ++waiters_;
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

void LeaseIds::End(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes) {
  if (ended_.size() >= max_ended_ && !ended_.empty()) ForgetOldest(changes);
  changes.push_back(PutEnded{.lease_id = std::string(lease_id), .cause = cause});
  RestoreEnded(lease_id, cause, now);
}

void LeaseIds::RestoreEnded(std::string_view lease_id, EndCause cause, Instant now) {
  ended_.push_back({.lease_id = std::string(lease_id), .since = now, .cause = cause});
  Set(&ended_.back());
}

void LeaseIds::Forget(std::string_view lease_id) {
  const auto found = entries_.find(lease_id);
  if (std::holds_alternative<std::unique_ptr<Waiter>>(found->state)) --waiters_;
  entries_.erase(found);
}

std::optional<Instant> LeaseIds::NextPrune() const {
  if (ended_.empty()) return std::nullopt;
  return ended_.front().since + kRetention + kPruneInterval;
}

void LeaseIds::Prune(Instant now, RecordBatch& changes) {
  for (int i = 0; i < kPrunedAtOnce && !ended_.empty(); ++i) {
    if (now - ended_.front().since < kRetention) return;
    ForgetOldest(changes);
  }
}

void LeaseIds::ForgetOldest(RecordBatch& changes) {
  entries_.erase(entries_.find(ended_.front().lease_id));
  changes.push_back(DeleteEnded{.lease_id = std::move(ended_.front().lease_id)});
  ended_.pop_front();
}

}  // namespace holdfast
