// All lease_ids that the server knows. Each has one entry, which goes from waiting to
// held to ended, and may skip states.
//
// An ended id is remembered for at least kRetention, so that a late duplicate of its
// acquire is refused. At most `max_ended` are kept, about 130 bytes each if they are
// UUIDs; beyond that the oldest are forgotten early. Additions and removals of ended ids
// go to the store as well.
//
// An id that one session alone has used need be remembered only until the client has
// acknowledged its end: of that session no duplicate comes late. It is forgotten with the
// next changes that are written anyway, or else within kPruneInterval. Until then it is
// refused as any other, so nothing that is written for it can come behind its removal.
// Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "services/common/clock.h"
#include "services/lock/engine/ended_id.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/usage.h"
#include "services/lock/engine/wait_queue.h"

namespace holdfast {

// The state of a lease_id: one of these; none if the id is unknown.
struct KnownId {
  HeldLease* lease = nullptr;
  Waiter* waiter = nullptr;
  std::optional<EndCause> ended;
  EndedRef ended_ref{};  // If it has ended.

  bool unknown() const { return lease == nullptr && waiter == nullptr && !ended.has_value(); }

  // REQUIRES: it is held or waiting.
  const std::string& key() const {
    return lease != nullptr ? lease->record.spec.key : waiter->spec.key;
  }
};

class LeaseIds {
 public:
  static constexpr Duration kRetention = std::chrono::minutes(5);

  // Forgetting costs a write, so it is done for many ids at a time.
  static constexpr Duration kPruneInterval = std::chrono::seconds(30);

  // At most this many are forgotten in one batch, to keep batches short.
  static constexpr int kPrunedAtOnce = 512;

  explicit LeaseIds(std::size_t max_ended) : max_ended_(max_ended) {}

  KnownId Find(std::string_view lease_id) const;

  // The id is now waiting. REQUIRES: it was unknown.
  Waiter& AddWaiter(std::unique_ptr<Waiter> waiter);

  // The id is now held. REQUIRES: it was unknown or waiting; a waiter is destroyed.
  HeldLease& AddLease(std::unique_ptr<HeldLease> lease);

  // The id has ended; its waiter or lease is destroyed. `session`: EndedId::session.
  // REQUIRES: it had not ended before.
  EndedRef End(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes,
               std::uint64_t session = 0);

  // The end has been told to the id's only session: it is kept until Acknowledged or
  // NotAcknowledged.
  void AwaitAcknowledgement(EndedRef ended);
  bool IsAwaited(EndedRef ended) const { return ended->kept == EndedId::Kept::kAwaited; }

  // The client has acknowledged it, and nobody else has used the id: forget it soon.
  // REQUIRES: it is awaited.
  void Acknowledged(EndedRef ended, Instant now);

  // It is remembered in full, from now on. REQUIRES: it is awaited.
  void NotAcknowledged(EndedRef ended, Instant now);

  // Makes the id unknown. REQUIRES: it is waiting or held.
  void Forget(std::string_view lease_id);

  // Loads an ended id from the store. Its retention starts again, because no clock
  // continues across restarts. REQUIRES: it is unknown.
  void RestoreEnded(std::string_view lease_id, EndCause cause, Instant now);

  // When Prune next has something to do.
  std::optional<Instant> NextPrune() const;

  // Forgets ids whose retention is over, and those that were acknowledged if there are
  // other changes or it is time. To be called last before the changes are written.
  void Prune(Instant now, RecordBatch& changes);

  std::size_t leases() const { return entries_.size() - waiters_ - ended(); }
  std::size_t waiters() const { return waiters_; }
  // How many leases and waiters belong to whom.
  const Usage& lease_usage() const { return lease_usage_; }
  const Usage& waiter_usage() const { return waiter_usage_; }
  std::size_t ended() const { return retained_.size() + awaited_.size() + acknowledged_.size(); }

  // Of those, how many wait for an acknowledgement, and how many have it and are about to
  // be forgotten.
  std::size_t awaited() const { return awaited_.size(); }
  std::size_t acknowledged() const { return acknowledged_.size(); }

  // How many ids have been forgotten: because their end was acknowledged; and because
  // there were too many.
  std::uint64_t forgotten_acknowledged() const { return forgotten_acknowledged_; }
  std::uint64_t forgotten_early() const { return forgotten_early_; }

  // The end of the oldest that is remembered in full.
  std::optional<Instant> oldest_retained() const {
    if (retained_.empty()) return std::nullopt;
    return retained_.front().since;
  }

 private:
  // The id itself is stored in the state, so an entry is little more than a pointer.
  using State = std::variant<std::unique_ptr<HeldLease>, std::unique_ptr<Waiter>, EndedRef>;
  struct Entry {
    mutable State state;  // Changes in place; the id stays the same.
  };

  static std::string_view IdOf(const State& state);
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view lease_id) const;
    std::size_t operator()(const Entry& entry) const { return (*this)(IdOf(entry.state)); }
  };
  struct Equal {
    using is_transparent = void;
    static std::string_view IdOf(std::string_view lease_id) { return lease_id; }
    static std::string_view IdOf(const Entry& entry) { return LeaseIds::IdOf(entry.state); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return IdOf(a) == IdOf(b);
    }
  };

  void Set(State state);
  void Count(const State& state);
  void Uncount(const State& state);
  EndedRef AddEnded(std::string_view lease_id, EndCause cause, Instant now, std::uint64_t session);
  void ForgetOldest(std::list<EndedId>& ended, RecordBatch& changes);

  const std::size_t max_ended_;
  absl::flat_hash_set<Entry, Hash, Equal> entries_;
  std::size_t waiters_ = 0;
  Usage lease_usage_;
  Usage waiter_usage_;

  // All ids that have ended, each list with the oldest first.
  std::list<EndedId> retained_;
  std::list<EndedId> awaited_;
  std::list<EndedId> acknowledged_;
  std::uint64_t forgotten_acknowledged_ = 0;
  std::uint64_t forgotten_early_ = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_
