// The lease ids that have been used up, and how each came to its end.
//
// An id is remembered for at least kRetention, so that a late duplicate of its
// acquire is refused. At most `capacity` ids are kept, at about 150 bytes each if they are UUIDs;
// past that the oldest are forgotten early. What is added and forgotten here is
// mirrored in the store. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_IDS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_IDS_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "services/common/clock.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

class EndedIds {
 public:
  static constexpr Duration kRetention = std::chrono::minutes(5);

  // Forgetting costs a write. It can wait until there are many to forget.
  static constexpr Duration kPruneInterval = std::chrono::seconds(30);

  // At most this many are forgotten in one batch, to keep batches short.
  static constexpr int kPrunedAtOnce = 512;

  explicit EndedIds(std::size_t capacity) : capacity_(capacity) {}

  // REQUIRES: `lease_id` has not been added before.
  void Add(std::string_view lease_id, EndCause cause, Instant now, RecordBatch& changes);

  // Takes up what the store remembered. Its retention begins again, for lack of
  // a clock that goes on across restarts.
  void Restore(std::string_view lease_id, EndCause cause, Instant now);

  std::optional<EndCause> Find(std::string_view lease_id) const;

  // When Prune has something to do next.
  std::optional<Instant> NextPrune() const;

  // Forgets ids whose retention is over.
  void Prune(Instant now, RecordBatch& changes);

  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::string lease_id;
    Instant ended;
  };

  void ForgetOldest(RecordBatch& changes);

  const std::size_t capacity_;
  std::deque<Entry> order_;  // Oldest first.
  // The views point into order_, whose elements never move.
  absl::flat_hash_map<std::string_view, EndCause> causes_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_IDS_H_
