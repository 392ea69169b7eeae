// The lock table: all rules of the lock service, and nothing else.
//
// It is a deterministic state machine. Commands and the time go in; record changes,
// to be committed, and outcomes, to be delivered after the commit, come out. It has
// no thread, clock, randomness, disk, proto or gRPC, so that a simulator can drive
// exactly the code that runs in production.
//
// The model: a lock has holders and a queue of waiters, and exists while it has
// either. A lease_id is unknown, then waiting or held, then ended, for good.
//
//   acquire ──▶ held ──────────────▶ ended   released, expired, forced, or
//      │         ▲                     ▲     cancelled (granted, not delivered)
//      ▼         │                     │
//   waiting ─────┴─────────────────────┘     released, timed out, cancelled
//
// Invariants, after every Apply and every FireTimers:
//   * A lock with a waiter that is not parked is held: nobody waits for a free lock.
//   * Waiters that are not parked are granted in the order of their sequence.
//   * A lease_id is held, waiting, ended or unknown: it has at most one entry.
//   * Every token that was granted is within the store's reservation.
//   * A lease lapses no earlier than `expire` after its grant, its last renewal or
//     the restart of the server, whichever was last; and no earlier than any answer
//     to its holder has promised. Only `max_hold` ends it sooner; and, if it is bound,
//     the end of its session's stream.
//   * A lease is in one session at most. A session has one stream at most, and only what
//     came on that one is carried out.
//
// Thread-compatible: the engine's thread owns it.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_TABLE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "services/common/clock.h"
#include "services/lock/engine/caller.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease_ids.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/queue_reporter.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/sessions.h"
#include "services/lock/engine/timer_queue.h"
#include "services/lock/engine/token_source.h"
#include "services/lock/engine/wait_queue.h"
#include "services/lock/engine/watch_hub.h"

namespace holdfast {

// The results of Apply and FireTimers. Both append.
struct Effects {
  RecordBatch changes;               // Commit these
  std::vector<Delivery> deliveries;  // before delivering these.

  void Tell(const Caller& caller, Outcome outcome) {
    holdfast::Tell(caller, std::move(outcome), deliveries);
  }
};

// The size of the table.
struct TableStats {
  std::size_t locks = 0;
  std::size_t leases = 0;
  std::size_t waiters = 0;
  std::size_t open_calls = 0;  // Of waiters.
  std::size_t watches = 0;
  std::size_t timers = 0;  // Of leases, waiters, calls and sessions.
  std::size_t sessions = 0;
  std::size_t streams = 0;

  // Ended ids that are remembered: all; until their session acknowledges the end; and
  // until something is written next. The others are remembered in full: those that are
  // older than LeaseIds::kRetention go; `oldest_ended` is when the oldest of them ended.
  std::size_t ended_ids = 0;
  std::size_t ended_ids_awaited = 0;
  std::size_t ended_ids_acknowledged = 0;
  std::optional<Instant> oldest_ended{};

  // Since the start: ids that were forgotten because their end was acknowledged, and
  // because there were more than max_ended_ids.
  std::uint64_t forgotten_acknowledged = 0;
  std::uint64_t forgotten_early = 0;
};

class LockTable {
 public:
  // FireTimers fires at most this many timers at once, and one more for each that was
  // set since its last call. So thousands of leases that end together delay everybody
  // else by one such batch only, and yet no backlog can last: of timeouts, say, before
  // which no lease lapses. A batch of this size takes 0.4 ms in the table, and about as
  // long to commit; one of 4,096 took 15 ms. Each timer may also grant the lock to a
  // waiter, which has to be answered.
  static constexpr int kTimersAtOnce = 256;

  // Of timers that fire too early, because all leases of a session were renewed at once,
  // and are only set again. That takes a tenth of the time.
  static constexpr int kTimersResetAtOnce = 2'048;

  // How many leases end at once that a session's new stream has not listed.
  static constexpr int kUnlistedAtOnce = 256;

  // ReleaseByTag ends at most this many leases in one batch.
  static constexpr std::uint32_t kForcedAtOnce = 500;

  explicit LockTable(const Limits& limits) : limits_(limits), ids_(limits.max_ended_ids) {}
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  // Loads a record of the store, before the first command. Every lease gets its full
  // expire again. DATA_LOSS: the records contradict each other.
  absl::Status RestoreLease(LeaseRecord lease, const Now& now);
  absl::Status RestoreEnded(const std::string& lease_id, EndCause cause, const Now& now);
  void RestoreTokens(std::uint64_t through) { tokens_.Restore(through); }
  absl::Status FinishRestore() const;

  // Executes one command. REQUIRES: `now` never goes back.
  void Apply(const Command& command, const Now& now, Effects& effects);

  // Whether leases and places in the queue may end because their client was silent.
  enum class Expiry {
    kActive,     // Yes: every timer that is due fires.
    kSuspended,  // No: the server itself may have been stopped, and may not have
                 // read yet what the clients sent.
  };

  // Fires timers that are due, and reports queue positions to waiters.
  void FireTimers(const Now& now, Expiry expiry, Effects& effects);

  // When FireTimers next has something to do: whatever `expiry` is, and only while it
  // is kActive.
  std::optional<Instant> NextPromptTimer() const;
  std::optional<Instant> NextSilenceTimer() const { return silence_timers_.NextDue(); }

  TableStats stats() const;

 private:
  // Timers that fire because a client was silent.
  struct Lapse {
    HeldLease* lease;
  };
  struct DeliveryWindowEnd {
    HeldLease* lease;
  };
  struct ParkEnd {
    Waiter* waiter;
  };
  struct SessionWindowEnd {
    Session* session;
  };
  // Due at once. It is a silence timer, so that a server which was stopped first reads
  // that the client is back.
  struct BoundEnd {
    Session* session;
  };
  using SilenceTimer = std::variant<Lapse, DeliveryWindowEnd, ParkEnd, SessionWindowEnd, BoundEnd>;

  // Whom the end of a lease is told.
  enum class News {
    kForSession,  // The session that it is in.
    kKnown,       // Nobody: the session has ended it, or has never heard of it.
  };

  void Apply(const Caller& caller, const AcquireCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const ReleaseCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const RenewCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const GetCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const ListCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const ForceReleaseCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const ReleaseByTagCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const WatchCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const WatchNextPageCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const CancelCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const UndeliveredCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const DrainCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const AttachCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const AttachPageCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const RenewAllCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const DetachCommand& command, const Now& now, Effects& effects);
  void Apply(const Caller& caller, const AcknowledgeCommand& command, const Now& now,
             Effects& effects);
  void Apply(const Caller& caller, const EndStreamCommand& command, const Now& now,
             Effects& effects);

  // The cases of Acquire, by the state of the lease_id.
  void AcquireNew(const Caller& caller, const AcquireCommand& command, const Now& now,
                  Effects& effects);
  void AcquireHeld(const Caller& caller, const AcquireCommand& command, HeldLease& lease,
                   const Now& now, Effects& effects);
  void AcquireWaiting(const Caller& caller, const AcquireCommand& command, Waiter& waiter,
                      const Now& now, Effects& effects);
  void Enqueue(const Caller& caller, const AcquireCommand& command, LockState& lock, const Now& now,
               Effects& effects);

  void TellGrant(const Caller& caller, HeldLease& lease, Instant received, const Now& now,
                 Effects& effects);
  HeldLease& Hold(LockState& lock, LeaseSpec spec, Principal principal, const Now& now,
                  Effects& effects);
  void StartLease(HeldLease& lease, Instant now);
  void Extend(HeldLease& lease, const std::optional<Duration>& asked, const Now& now,
              Effects& effects);
  EndedRef EndLease(HeldLease& lease, EndCause cause, News news, const Now& now, Effects& effects);
  void NotDelivered(HeldLease& lease, const Now& now);
  void MarkDelivered(HeldLease& lease);

  void AttachCall(Waiter& waiter, const Caller& caller, const AcquireCommand& command,
                  const Now& now);
  void DetachCall(Waiter& waiter, CallId call, const Now& now);
  EndedRef EndWaiter(Waiter& waiter, EndCause cause, const Now& now, Effects& effects);
  std::vector<WaitingCall> LeaveQueue(Waiter& waiter);

  void GrantNext(LockState& lock, const Now& now, Effects& effects);
  LockState& LockFor(const std::string& key);
  void EraseIfUnused(LockState& lock);

  // Sessions.
  void TakePage(const Caller& caller, const std::vector<ListedLease>& leases, bool more,
                const KeySet* among, Effects& effects);
  std::optional<Refusal> Adopt(const Caller& caller, const ListedLease& listed,
                               const KeySet* among);
  void Join(Session& session, HeldLease& lease);
  void Leave(HeldLease& lease);
  void EndStream(Session& session, Refused why, std::uint64_t sent_through, const Now& now,
                 Effects& effects);
  void AwaitEndAcknowledged(Session& session, EndedRef ended);
  void EndUnlisted(const Now& now, Effects& effects);
  void FireBoundEnd(Session& session, const Now& now, Effects& effects);

  KnownId Use(const Caller& caller, const std::string& lease_id);

  // The lease, used by the caller. Null: it is not held, and the caller has been told.
  HeldLease* HeldOrTell(const Caller& caller, const std::string& key, const std::string& lease_id,
                        Effects& effects);

  void FireCallTimeout(CallId call, const Now& now, Effects& effects);
  bool FireLapse(HeldLease& lease, const Now& now, Effects& effects);
  bool FireSilence(const SilenceTimer& timer, const Now& now, Effects& effects);

  static Refused AlreadyEnded(EndCause cause);
  Refused Blocked(Refusal reason, const LockState& lock, const Now& now) const;

  const Limits limits_;
  bool draining_ = false;

  LockMap locks_;
  LeaseIds ids_;
  absl::flat_hash_map<CallId, Waiter*> waiting_calls_;
  TokenSource tokens_;
  std::uint64_t last_sequence_ = 0;

  TimerQueue<SilenceTimer> silence_timers_;
  TimerQueue<CallId> call_timeouts_;
  std::uint64_t timers_set_ = 0;    // Of both, until FireTimers last ran.
  std::uint64_t timers_reset_ = 0;  // Of those, how many had just fired.
  Sessions sessions_;
  std::deque<std::uint64_t> unlisted_;  // Sessions (their ordinals) with leases to end.
  QueueReporter reporter_;
  WatchHub watches_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_TABLE_H_
