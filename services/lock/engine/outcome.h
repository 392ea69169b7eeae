// What the engine answers. Every call gets exactly one final outcome; a waiting
// call may get Queued outcomes before it, which are the only ones that are not
// final.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_

#include <cstdint>
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
  // Where the next page begins (ListCommand::after_key). Absent: that was all.
  std::optional<std::string> next_after_key;
};

enum class Refusal {
  kLockHeld,
  kWaitTimeout,
  kLeaseExpired,
  kLeaseForced,
  kLeaseEnded,  // `ended_by` says how.
  kLeaseNotFound,
  kLeaseWaiting,
  kLeaseMismatch,  // `name` is the field that differs.
  kLimitExceeded,  // `name` is the limit, as Limits and the flags spell it.
  kStarting,
  kStopping,
  kCancelled,  // The caller has gone; nobody will read this.
};

struct Refused {
  Refusal reason{};
  std::string name{};
  std::optional<EndCause> ended_by{};
  // Who is in the way, for kLockHeld and kWaitTimeout.
  std::optional<HolderView> holder{};
  std::uint32_t queue_length = 0;
};

using Outcome = std::variant<Granted, Queued, Released, Renewed, Shown, Listed, Drained, Refused>;

inline bool IsFinal(const Outcome& outcome) { return !std::holds_alternative<Queued>(outcome); }

// An outcome and the call that it is for.
struct Delivery {
  CallId call{};
  Outcome outcome;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_OUTCOME_H_
