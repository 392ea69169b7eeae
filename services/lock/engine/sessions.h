// The sessions that the lock table knows.
//
// A session belongs to its newest stream, and for the reattach window to none. After that
// it is no longer known by its id, but stays as the clock of the leases that are in it,
// until the last of them has left. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_SESSIONS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_SESSIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "services/common/clock.h"
#include "services/lock/engine/caller.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/ended_id.h"
#include "services/lock/engine/member_list.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/timer_queue.h"
#include "services/lock/engine/usage.h"

namespace holdfast {

struct HeldLease;

// An outcome of a stream that the client has not acknowledged yet.
struct ToldOutcome {
  std::uint64_t number = 0;  // Delivery::number.

  // What it told: a grant; the end of an id; or what has ceased to matter.
  std::variant<std::monostate, HeldLease*, EndedRef> what;
};

// The leases of a session; the bound ones apart, to be found without the others.
struct Members {
  MemberList unbound;
  MemberList bound;

  bool empty() const { return unbound.empty() && bound.empty(); }
  // REQUIRES: not empty.
  MemberLink& front() { return bound.empty() ? unbound.front() : bound.front(); }
  MemberList& Of(bool is_bound) { return is_bound ? bound : unbound; }
  void AddAll(Members& other) {
    unbound.AddAll(other.unbound);
    bound.AddAll(other.bound);
  }
};

struct Session {
  // Beyond this many outcomes that wait for their acknowledgement the session is granted
  // nothing that was not waited for, and ends count as if there were no session. Clients
  // acknowledge with each message, so it takes several full ones to get there.
  static constexpr std::size_t kMaxTold = 16'384;

  std::uint64_t ordinal = 0;  // From 1; of this session alone.
  std::string id;
  Principal principal;             // Who opened it first.
  bool known = true;               // By its id.
  bool has_forgotten_ids = false;  // Because their ends were acknowledged.

  // Of the newest stream. None: it has ended.
  CallId stream{};
  std::uint64_t stream_number = 0;
  bool local = false;          // Over a Unix socket.
  bool resumed = false;        // When it attached, the session was known.
  bool listing = false;        // Pages of its list are missing.
  std::uint64_t outcomes = 0;  // How many it has been told.
  std::deque<ToldOutcome> told;
  absl::btree_set<CallId> waiting;  // Calls that wait.

  // The last renewal of all leases whose grant has been acknowledged, and how many there
  // have been.
  Instant renewed = Instant::min();
  std::uint32_t renewals = 0;

  // Those that the stream listed or acquired; and those of earlier streams, which end when
  // the list is complete.
  Members current;
  Members unlisted;
  std::size_t members = 0;
  std::size_t acknowledged = 0;

  std::optional<TimerId> window_end;  // Set while it is known and has no stream.
  std::optional<TimerId> bound_end;   // Set once its client has ended the stream.

  bool HasBound() const { return !current.bound.empty() || !unlisted.bound.empty(); }
};

// Tells the caller, on its session's stream if it has one.
void Tell(const Caller& caller, Outcome outcome, std::vector<Delivery>& deliveries);

// Tells the stream itself. REQUIRES: there is one.
void TellStream(Session& session, Outcome outcome, std::vector<Delivery>& deliveries);

class Sessions {
 public:
  // So long the number of a session's last stream is remembered when the session is
  // not known any more, if it has spared the server the memory of ended ids: as long as
  // those would have been. At most kMaxRetired.
  static constexpr std::size_t kMaxRetired = 10'000;

  // Null: not known.
  Session* Find(std::string_view id) const;
  Session* OfStream(CallId stream) const;

  // Null: it is gone.
  Session* WithOrdinal(std::uint64_t ordinal) const;

  // Whether a stream with this number comes too late for a session that is not known.
  bool IsRetired(const std::string& id, std::uint64_t stream_number, Instant now);

  // REQUIRES: it is not known.
  Session& Add(const std::string& id, const Principal& principal);

  // The stream now owns the session, which has none.
  void SetStream(Session& session, CallId stream);
  void ClearStream(Session& session);

  // It is not known any more.
  void Forget(Session& session, Instant now);

  // To be called when a lease has left it.
  void DestroyIfUnused(Session& session);

  std::size_t size() const { return by_id_.size(); }

  // How many of those that are known belong to whom.
  const Usage& usage() const { return usage_; }
  const absl::btree_map<CallId, Session*>& streams() const { return by_stream_; }

 private:
  struct Retired {
    std::string id;
    std::uint64_t stream_number = 0;
    Instant since;
  };

  void DropOldestRetired();

  std::uint64_t last_ordinal_ = 0;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Session>> all_;  // By ordinal.
  absl::flat_hash_map<std::string_view, Session*> by_id_;
  Usage usage_;
  absl::btree_map<CallId, Session*> by_stream_;  // Ordered, so that a run can be repeated.
  std::deque<Retired> retired_;                  // Oldest first.
  absl::flat_hash_map<std::string, std::uint64_t> retired_numbers_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_SESSIONS_H_
