// The waiters of one lock, in the order in which the server queued them.
//
// A waiter has one open call, or several if its client sent the request again.
// Without an open call it is parked: it keeps its place in case its client comes
// back, but grants skip it, because nobody would receive them. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_WAIT_QUEUE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_WAIT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "services/common/clock.h"
#include "services/common/principal.h"
#include "services/lock/engine/caller.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/timer_queue.h"

namespace holdfast {

struct LockState;

// One open call of a waiter.
struct WaitingCall {
  Caller caller;
  Instant received;
  bool report_queue = false;
  std::optional<TimerId> timeout{};

  // The last report to it, and when; see QueueReporter.
  std::uint32_t told_position = 0;
  std::uint64_t told_token = 0;
  Instant told_at{};
};

struct Waiter {
  LeaseSpec spec;
  Principal principal;  // As LeaseRecord::principal.
  LockState* lock = nullptr;
  std::uint64_t sequence = 0;  // Increases with every waiter of any lock.
  std::uint32_t place = 0;     // In the queue's PlaceCounter.
  Instant queued;
  std::vector<WaitingCall> calls;
  std::optional<TimerId> park_end;  // Set while parked.
  std::uint64_t origin = 0;         // As HeldLease::origin.

  // A client has one call open, and for a while those on connections that have
  // broken. More are a client's mistake, and every operation on a waiter goes through
  // all of its calls.
  static constexpr std::size_t kMaxCalls = 16;

  bool parked() const { return calls.empty(); }
};

// Counts the waiters ahead of a place in a queue that grows at its end and loses
// places anywhere, each in logarithmic time: a Fenwick tree, whose node i holds the
// number of taken places among the last (i & -i) up to i.
//
// A place that was given up is not reused. When most have been given up, the owner
// starts over with those that remain.
class PlaceCounter {
 public:
  // Takes the place after all others. Returns its number, from 1.
  std::uint32_t Take();

  // REQUIRES: `place` is taken.
  void GiveUp(std::uint32_t place);

  // How many places up to and including this one are taken.
  std::uint32_t TakenThrough(std::uint32_t place) const;

  // How many places have been taken since the last Clear.
  std::size_t size() const { return nodes_.size(); }

  // Forgets all places.
  void Clear() { nodes_ = {}; }

 private:
  std::vector<std::uint32_t> nodes_;  // Node i at i - 1.
};

class WaitQueue {
 public:
  using Places = absl::btree_map<std::uint64_t, Waiter*>;

  // REQUIRES: its sequence is larger than all others here.
  void Add(Waiter& waiter);
  void Remove(Waiter& waiter);

  // To be called when waiter.parked() has changed.
  void UpdateParked(Waiter& waiter);

  // The first that is not parked, or null.
  Waiter* FirstReady() const;

  // 1 is next in line; parked waiters count.
  std::uint32_t PositionOf(const Waiter& waiter) const {
    return rows_->counter.TakenThrough(waiter.place);
  }

  bool empty() const { return rows_ == nullptr; }
  std::size_t size() const { return places().size(); }

  // All, in order.
  const Places& places() const;

  // Places that were given up are forgotten once they are more than half of all and
  // at least this many, so that a short queue is not renumbered all the time.
  static constexpr std::size_t kMinPlacesRemembered = 64;
  std::size_t places_remembered() const { return empty() ? 0 : rows_->counter.size(); }

 private:
  struct Rows {
    Places places;
    Places ready;  // Those that are not parked.
    PlaceCounter counter;
  };

  void Renumber();

  // Null: nobody waits, as for most locks.
  std::unique_ptr<Rows> rows_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_WAIT_QUEUE_H_
