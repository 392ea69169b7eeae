// One acquire, from the first request to the grant or the end of patience.
//
//   waiting ──granted, fresh──────────────────────────────▶ done
//    │  ▲  └──granted, but little of it left──▶ confirming ──renewed──▶ done
//    │  └───────────new lease_id (the old one has ended)──────┘
//    └──the call broke──▶ pausing ──▶ waiting, with the same lease_id
//
// A call that broke may have had its effect, so it is sent again under the same
// lease_id, which has its place in the queue or its grant given back to it. Only
// when the server says that the id has ended does a new one take its place. An id
// that may still be known to the server when the acquire ends without a lease is handed to
// the releaser, so nothing is left behind.
//
// Word from the server is a place in the queue, a grant or a refusal. Whoever waits without
// word is told of the first call that fails (on_unavailable), and gives up after
// connect_timeout.
//
// Invariants: `done` is called once; a lease whose conservative deadline has passed
// is never handed out.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_H_
#define HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/backoff.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_times.h"
#include "clients/cpp/core/releaser.h"
#include "clients/cpp/core/renewal.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_options.h"
#include "holdfast/time.h"

namespace holdfast::core {

// What every acquire of a lock has in common.
struct AcquireSpec {
  std::string key;
  std::optional<Duration> expire;
  std::vector<std::string> tags;
  std::string owner;
  Duration connect_timeout = kForever;  // How long to go on without word from the server.
};

// Single-threaded: used in tasks alone. Keeps itself alive while it is under way.
class AcquireOp : public std::enable_shared_from_this<AcquireOp> {
 public:
  struct Hooks {
    absl::AnyInvocable<void(QueueInfo)> on_queued;    // May be null.
    absl::AnyInvocable<void(Outage)> on_unavailable;  // May be null.
    absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<LeaseCore>>)> done;
  };

  // `spec` and `releaser` outlive the operation.
  AcquireOp(const Environment& env, Releaser& releaser, const AcquireSpec& spec, Duration timeout,
            Hooks hooks);

  void Start();

  // Ends it with `why`, unless it has ended.
  void Cancel(const absl::Status& why) { Finish(why); }

 private:
  void Attempt();
  void OnQueued(std::uint64_t attempt, QueueInfo info);
  void OnEnded(std::uint64_t attempt, absl::StatusOr<Grant> end);

  void OnGranted(const Grant& grant);
  void Confirm(std::uint64_t fencing_token);
  void OnConfirmed(std::uint64_t fencing_token, const absl::StatusOr<LeaseTimes>& times);
  void OnTooLate(const absl::Status& why);
  void Succeed(std::uint64_t fencing_token, LeaseTimes times);

  void OnRefused(absl::Status refusal);
  void Pause(const absl::Status& trouble);
  void OnLimit();

  void ExpectWord();
  void OnWord();
  void OnTrouble(const absl::Status& trouble);
  void OnNoWord();

  void UseNewLeaseId();
  absl::Status WaitTimeout() const;
  void Finish(absl::StatusOr<std::shared_ptr<LeaseCore>> result);

  const Environment env_;
  Releaser& releaser_;
  const AcquireSpec& spec_;
  const Duration timeout_;
  Hooks hooks_;
  Backoff backoff_;

  MonotonicTime deadline_;  // When the timeout is over.
  TimerId limit_timer_;
  TimerId pause_timer_;
  TimerId no_word_timer_;

  std::string lease_id_;
  bool may_be_known_ = false;  // lease_id_, to the server.
  bool broke_ = false;         // A call with lease_id_ has, and may have had its effect.

  std::uint64_t attempt_ = 0;  // Events of earlier attempts are ignored.
  MonotonicTime sent_;         // When the current attempt was.
  std::shared_ptr<LockTransport::WaitCall> call_;
  std::shared_ptr<Renewal> confirmation_;

  // The last word from the server that still stands, for the error at the end.
  std::optional<QueueInfo> queued_;
  absl::Status trouble_;
  std::optional<MonotonicTime> no_word_since_;  // Absent: the server waits for us, or for a holder.
  bool outage_told_ = false;                    // Since the last word.
  int too_late_ = 0;                            // Grants that came when their time was over.

  bool finished_ = false;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_ACQUIRE_OP_H_
