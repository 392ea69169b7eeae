// The answers of the engine. Every call gets exactly one final outcome. Before
// it, a waiting call may get Queued outcomes, a watching call Watched outcomes, and
// the stream of a session Attached and LeaseGone outcomes; all others are final. A
// stream's final outcome is a Refused; those of its operations that have no answer by
// then get none.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"

namespace holdfast {

struct Granted {
  LeaseView lease;
};

struct Queued {
  std::uint32_t position = 0;
  std::uint64_t queue_sequence = 0;
  std::vector<HolderView> holders;
};

struct Released {};

struct Renewed {
  LeaseView lease;
};

// The answer to Drain.
struct Drained {};

struct Shown {
  LockView lock;
};

struct Listed {
  std::vector<LockView> locks;
  // Where the next page starts (ListCommand::after_key). Absent: this was the
  // last.
  std::optional<std::string> next_after_key;
};

// The answer to ForceRelease: the lease that was ended, as it was just before.
struct Forced {
  HolderView former_holder;
};

// The answer to ReleaseByTag.
struct ForcedPage {
  // The locks whose leases were ended, or would have been, as they were just
  // before.
  std::vector<LockView> locks;
  // Where the next page starts, as in Listed, and the limit to pass with it.
  std::optional<std::string> next_after_key;
  std::uint64_t max_fencing_token = 0;
};

enum class LeaseEventKind { kHeld, kSnapshotEnd, kGranted, kReleased, kExpired, kForced };

struct LeaseEvent {
  LeaseEventKind kind{};
  // Increases with every event, of any key, for as long as the server runs. For
  // kHeld and kSnapshotEnd: that of the last event that the snapshot reflects.
  std::uint64_t sequence = 0;
  std::string key;
  std::string owner;
  std::vector<std::string> tags;
  std::uint64_t fencing_token = 0;
  std::optional<Duration> expire;
  WallTime time{};  // For display only. Of a kHeld event: the grant's.
  Principal principal{};
};

// Shared, because many watches get it, and each may be thousands of events
// behind.
using SharedLeaseEvent = std::shared_ptr<const LeaseEvent>;

// The events of a watch: first a snapshot of kHeld events that ends with
// kSnapshotEnd, with events of keys that it has already passed in between; then
// only events.
struct Watched {
  std::vector<SharedLeaseEvent> events;
  bool snapshot_continues = false;  // After WatchNextPage.
};

enum class Refusal {
  kLockHeld,
  kWaitTimeout,
  kLeaseExpired,
  kLeaseForced,
  kLeaseEnded,  // `ended_by` says how.
  kLeaseNotFound,
  kLeaseWaiting,
  kLockNotHeld,    // Not at all, or not with that token.
  kLeaseMismatch,  // `name` is the field that differs.
  kLimitExceeded,  // `name` is the limit, spelled as in Limits and the flags.
  kStarting,
  kStopping,
  kCancelled,        // The caller has gone; nobody will read this.
  kSessionReplaced,  // Another stream owns the session.
  kNotPermitted,     // Of a listed lease: its holder may not renew it any more.
};

// The list of a session's leases is complete, and the stream has its answer. Whatever it
// listed that is not held has been told before, by LeaseGone.
struct Attached {
  bool resumed = false;  // The server knew the session.
};

// A lease has ended that is in the session, otherwise than by an operation of it; or one
// that was listed is not held.
struct LeaseGone {
  std::string key;
  std::string lease_id;
  // kLeaseExpired, kLeaseForced, kLeaseEnded; of a listed one also kLeaseNotFound,
  // kLeaseWaiting, kLeaseMismatch, kNotPermitted: this one runs to its lapse.
  Refusal reason{};
};

// The answer to RenewAll.
struct RenewedAll {
  std::uint64_t leases = 0;  // Those without an expire included.
};

struct Detached {};

struct Refused {
  Refusal reason{};
  std::string name{};
  std::optional<EndCause> ended_by{};
  // The current holder, for kLockHeld and kWaitTimeout.
  std::optional<HolderView> holder{};
  std::uint32_t queue_length = 0;
};

using Outcome = std::variant<Granted, Queued, Released, Renewed, Shown, Listed, Forced, ForcedPage,
                             Watched, Drained, Refused, Attached, LeaseGone, RenewedAll, Detached>;

inline bool IsFinal(const Outcome& outcome) {
  return !std::holds_alternative<Queued>(outcome) && !std::holds_alternative<Watched>(outcome) &&
         !std::holds_alternative<Attached>(outcome) && !std::holds_alternative<LeaseGone>(outcome);
}

// An outcome and the call that receives it.
struct Delivery {
  CallId call{};
  Outcome outcome;

  // Of a session: its stream, the operation (0: none, as of LeaseGone), and the number of
  // this outcome among all of the stream, from 1: what AcknowledgeCommand counts in.
  CallId stream{};
  std::uint64_t operation = 0;
  std::uint64_t number = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_
