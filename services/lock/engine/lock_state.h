// One lock in the lock table: who holds it and who waits. It exists as long as
// anybody does either. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "services/common/clock.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/member_list.h"
#include "services/lock/engine/timer_queue.h"
#include "services/lock/engine/wait_queue.h"

namespace holdfast {

struct LockState;
struct Session;
struct ToldOutcome;

// A lease while it is held.
struct HeldLease : MemberLink {
  LeaseRecord record;
  LockState* lock = nullptr;

  Instant began;          // Of its expire: the grant or its own last effective renewal.
  Instant granted;        // If `restored`, the restart.
  bool restored = false;  // Loaded from the store: granted before a restart.
  // Set if it lapses, for that moment or an earlier one: a renewal of the whole session
  // does not move it.
  std::optional<TimerId> lapse;

  // Whether the grant has arrived: certain once the lease has been renewed, or the grant
  // acknowledged by the client of a session. Until then `deliveries` counts the answers that
  // carried it and have not been reported undelivered. At zero the timer `undelivered` is set, and
  // the lease ends when it fires.
  bool delivered = false;
  // Session::renewals when the lease came into the session, or its grant was acknowledged
  // there: those that do not count for it.
  std::uint32_t renewals_before = 0;
  int deliveries = 0;
  std::optional<TimerId> undelivered;

  // The session that it is in, if any. `told`: while the session waits for the
  // acknowledgement of the grant. `origin` (Session::ordinal): the only session that has
  // ever used the id; 0: somebody else has too.
  Session* session = nullptr;
  ToldOutcome* told = nullptr;
  std::uint64_t origin = 0;

  // When its expire last began, by a renewal of its own or of the whole session.
  Instant Began() const;

  // When it lapses; absent: never.
  std::optional<Instant> Lapses() const;

  std::optional<Duration> RemainingAt(Instant now) const;
  LeaseView ViewFor(Instant received, const Now& now) const;
  HolderView PublicView(const Now& now) const;
};

// The QueueReporter's progress with a lock.
struct ReportState {
  std::optional<TimerId> next;  // Set while there is something to report.
  bool changed = false;         // Since the sweep began.
  Instant sweep_began;
  std::uint64_t cursor = 0;    // Sequence of the waiter told last; 0: none yet.
  std::uint32_t position = 0;  // Its position.
};

// There may be a million of these, most with one holder and nobody waiting.
struct LockState {
  std::string key;
  // A list, because shared modes and permits will allow several. An exclusive
  // lock has at most one.
  absl::InlinedVector<HeldLease*, 1> holders;
  WaitQueue queue;
  std::unique_ptr<ReportState> report;  // Null: nobody has waited yet.

  bool is_free() const { return holders.empty(); }

  // The token of the current holder; 0 if there is none.
  std::uint64_t current_token() const {
    return holders.empty() ? 0 : holders.front()->record.fencing_token;
  }

  std::vector<HolderView> HolderViews(const Now& now) const;

  // With the first `max_waiters` waiters.
  LockView View(const Now& now, std::size_t max_waiters) const;
};

// By the key that is in the state, in byte order.
using LockMap = absl::btree_map<std::string_view, std::unique_ptr<LockState>>;

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STATE_H_
