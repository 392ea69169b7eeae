// Every lease_id that the server knows, and what it is: each has one entry, which goes
// from waiting over held to ended, or takes a part of that way.
//
// An id that has ended is remembered for at least kRetention, so that a late duplicate
// of its acquire is refused. At most `max_ended` are kept, at some 120 bytes each if they
// are UUIDs; past that the oldest are forgotten early. What is added and forgotten of
// these is mirrored in the store. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "services/common/clock.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/wait_queue.h"

namespace holdfast {

// What a lease_id is: one of these, or, of an id that is unknown, none.
struct KnownId {
  HeldLease* lease = nullptr;
  Waiter* waiter = nullptr;
  std::optional<EndCause> ended;

  bool unknown() const { return lease == nullptr && waiter == nullptr && !ended.has_value(); }

  // REQUIRES: it is held or waits.
  const std::string& key() const {
    return lease != nullptr ? lease->record.spec.key : waiter->spec.key;
  }
};

class LeaseIds {
 public:
  static constexpr Duration kRetention = std::chrono::minutes(5);

  // Forgetting costs a write. It can wait until there are many to forget.
  static constexpr Duration kPruneInterval = std::chrono::seconds(30);

  // At most this many are forgotten in one batch, to keep batches short.
  static constexpr int kPrunedAtOnce = 512;

  explicit LeaseIds(std::size_t max_ended) : max_ended_(max_ended) {}

  KnownId Find(std::string_view lease_id) const;

  // The id waits. REQUIRES: it was unknown.
  Waiter& AddWaiter(std::unique_ptr<Waiter> waiter);

  // The id is held. REQUIRES: it was unknown, or waited; the waiter is gone then.
  HeldLease& AddLease(std::unique_ptr<HeldLease> lease);

  // The id has ended. What it was, waiter or lease, is gone. REQUIRES: it had not ended
  // before.
  void End(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes);

  // As if the id had never been. REQUIRES: it waits or is held.
  void Forget(std::string_view lease_id);

  // Takes up that the store remembers an id as ended. Its retention begins again, for
  // lack of a clock that goes on across restarts. REQUIRES: it is unknown.
  void RestoreEnded(std::string_view lease_id, EndCause cause, Instant now);

  // When Prune has something to do next.
  std::optional<Instant> NextPrune() const;

  // Forgets ids whose retention is over.
  void Prune(Instant now, RecordBatch& changes);

  std::size_t leases() const { return entries_.size() - waiters_ - ended_.size(); }
  std::size_t waiters() const { return waiters_; }
  std::size_t ended() const { return ended_.size(); }

 private:
  struct Ended {
    std::string lease_id;
    Instant since;
    EndCause cause{};
  };

  // The id is kept in what it is, so an entry is hardly more than a pointer.
  using State = std::variant<std::unique_ptr<HeldLease>, std::unique_ptr<Waiter>, const Ended*>;
  struct Entry {
    mutable State state;  // Changes in place: always one with the same id.
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
  void ForgetOldest(RecordBatch& changes);

  const std::size_t max_ended_;
  absl::flat_hash_set<Entry, Hash, Equal> entries_;
  std::size_t waiters_ = 0;
  std::deque<Ended> ended_;  // Oldest first. Its elements never move.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_IDS_H_
