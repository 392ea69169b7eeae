// The lease table: all rules of a client about acquires and leases, and nothing else.
//
// As the server's lock table it is a deterministic state machine. Events and the time
// go in: what the program asks for, what the server answers, that a timer is due. Actions
// come out: what is to be sent, who is to be told what. It has no thread, no transport
// and no clock of its own, so that tests and the simulator drive exactly the code that
// runs in production. LeaseDriver carries the actions out.
//
// The model: a claim is one acquire, and the lease that it brings.
//
//   asking ──queued──▶ waiting ──granted──▶ held ◀──▶ uncertain ──▶ lost
//    │  ▲                 │        │         ▲ │          │           │
//    │  └──pausing◀──broke┘        ▼         │ └──────────┴───────────┴─Release──▶ releasing
//    └──────────────────────▶ confirming ────┘                                        │
//                                                                              answered, or of
//                                                                              no use: ended
//
// Asking. A call that broke may have had its effect, so it is sent again under the same
// lease_id, which has its place in the queue or its grant given back to it. Only when the
// server says that the id has ended does a new one take its place. A grant of which little
// is left is renewed first (confirming). Word from the server is a place in the queue, a
// grant or a refusal. Whoever waits without word is told of the first call that fails, and
// gives up after connect_timeout.
//
// Holding. Held, uncertain and lost are told apart in LeaseCore, which the program looks
// at; a lease is renewed, if that is wanted, when a third of it has passed.
//
// Renewing all. Where the transport can renew all of its leases by one message, the first
// that is due has them all renewed. It also moves on the leases of which the table does not
// think, so there must be none that nobody wants to have renewed: it is done only while each
// lease that expires is renewed automatically, and no release waits to be sent again. A lease
// that was lost to its deadline, or whose release was given up, is detached, so that it lapses.
// If it fails, those that are due are renewed one by one.
//
// Releasing. One thing cleans up after whatever happened: Release with the lease_id. It is
// sent until the server has answered, long after the caller has gone on. An id that the
// server may still know when its acquire ends without a lease is released too.
//
// Calls. All short calls may be sent again with the same lease_id, so a retry never does
// anything twice. Each try has a CallId of its own; answers to tries that do not count any
// more are ignored.
//
// Invariants, after every event:
//   * A claim's acquire is answered once (TellAcquired), and so is each request (TellEnded).
//   * A lease whose conservative deadline has passed is never handed out.
//   * The deadline of a lease only moves on. A lost lease stays lost.
//   * What is under way has a timer or an unanswered call: nothing waits for nothing.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_H_

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/random.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_options.h"
#include "holdfast/time.h"

namespace holdfast::core {

using ClaimId = std::uint64_t;    // Of the table.
using CallId = std::uint64_t;     // One try of one call; of the table.
using RequestId = std::uint64_t;  // Chosen by who asks, to be told by. Used once.

inline constexpr RequestId kTellNobody = 0;

// What every acquire of a lock has in common.
struct AcquireSpec {
  std::string key;
  std::optional<Duration> expire{};
  std::vector<std::string> tags{};
  std::string owner{};
  bool bound = false;
  std::optional<Duration> max_hold{};
  bool auto_renew = false;              // Without an expire there is nothing to renew.
  Duration connect_timeout = kForever;  // How long to go on without word from the server.
};

// --- Actions. To be carried out in their order. ------------------------------------------

// Calls to the server. Each ends with OnGrant or OnAnswer; a short call after `limit` at the
// latest.
struct SendWait {
  CallId call;
  WaitRequest request;
};
struct SendRenew {
  CallId call;
  std::string key;
  std::string lease_id;
  Duration limit;
};
struct SendRenewAll {  // Ends with OnRenewedAll.
  CallId call;
  Duration limit;
};
struct SendRelease {
  CallId call;
  std::string key;
  std::string lease_id;
  Duration limit;
};
struct SendQuery {
  CallId call;
  RequestId request;  // Of Ask.
  Duration limit;
};
// The server is to know that a lease is left to itself. There is no answer.
struct SendDetach {
  std::string key;
  std::string lease_id;
};
// Nobody waits for this call any more. It may still be answered.
struct CancelWait {
  CallId call;
};

// What an acquire comes to.
struct TellQueued {
  ClaimId claim;
  QueueInfo info;
};
struct TellUnavailable {
  ClaimId claim;
  Outage outage;
};
struct TellAcquired {
  ClaimId claim;
  absl::StatusOr<std::shared_ptr<LeaseCore>> result;
};
// How a request ended.
struct TellEnded {
  RequestId request;
  absl::Status status;
};
// Have LeaseCore::SignalLost called, without delay.
struct SignalLost {
  std::shared_ptr<LeaseCore> lease;
};

using Action =
    std::variant<SendWait, SendRenew, SendRenewAll, SendRelease, SendQuery, SendDetach, CancelWait,
                 TellQueued, TellUnavailable, TellAcquired, TellEnded, SignalLost>;

// What an event happens in. It appends its actions.
struct Turn {
  MonotonicTime now;
  std::vector<Action>& actions;

  void Do(Action action) { actions.push_back(std::move(action)); }
};

// --- The machine. --------------------------------------------------------------------------

// Thread-compatible. Leases may outlive it, and be looked at by anybody.
class LeaseTable {
 public:
  // `clock` is only for the leases, which outlive neither it nor `random`.
  LeaseTable(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  // --- What the program asks for ---

  // Begins an acquire. It ends with TellAcquired: with a lease, which is held from then on,
  // or without one, and then the claim is forgotten.
  ClaimId Acquire(std::shared_ptr<const AcquireSpec> spec, Duration timeout, Turn& turn);

  // Ends an acquire with `why`, unless it has ended.
  void GiveUp(ClaimId claim, const absl::Status& why, Turn& turn);

  // The rest is about claims with a lease, lost or not. Each `request` is told of once.

  // One renewal, tried for up to `limit`. OK: the lease has a new deadline.
  void Renew(ClaimId claim, RequestId request, Duration limit, Turn& turn);

  // Gives the lease back, and forgets the claim. Tells the server's answer, or UNAVAILABLE
  // if there is none within `patience`. Goes on for as long as the lease can last: for
  // `expire`, but no longer than five minutes.
  void Release(ClaimId claim, RequestId request, Duration patience, Turn& turn);

  // Forgets the claim and leaves the lease to itself. Renewals under way end with CANCELLED.
  void Detach(ClaimId claim, Turn& turn);

  // The lease is over; signals that. The claim stays, until it is released or detached.
  void Lose(ClaimId claim, const absl::Status& why, Turn& turn);

  // As Release, of a lease that is not the table's.
  void ReleaseId(const std::string& key, const std::string& lease_id,
                 std::optional<Duration> expire, RequestId request, Duration patience, Turn& turn);

  // Anything else that is asked of the server, tried for up to `patience`; only once, if it
  // would have another effect when it is sent again.
  void Ask(RequestId request, Duration patience, bool once, Turn& turn);

  // Ends what has been asked; or all releases.
  void StopAsking(const absl::Status& why, Turn& turn);
  void StopReleasing(const absl::Status& why, Turn& turn);

  // --- What the server says, of calls that may long be over ---

  void OnQueued(CallId call, QueueInfo info, Turn& turn);
  // A wait's end, or a renewal's.
  void OnGrant(CallId call, absl::StatusOr<Grant> grant, Turn& turn);
  // A release's answer, or a query's.
  void OnAnswer(CallId call, absl::Status answer, Turn& turn);
  // Of how many leases, as the server counts them.
  void OnRenewedAll(CallId call, const absl::StatusOr<std::uint64_t>& leases, Turn& turn);
  // It has ended a lease, and says so unasked. Of no effect if it is not held.
  void OnLeaseEnded(const std::string& lease_id, const absl::Status& why, Turn& turn);

  // --- Time ---

  void FireTimers(Turn& turn);

  // When FireTimers next has something to do. MonotonicTime::max(): never.
  MonotonicTime NextTimer() const;

  // How many releases the server has not yet answered.
  std::size_t releasing() const { return releasing_; }

 private:
  struct TimerId {  // The default names none.
    MonotonicTime when;
    std::uint64_t sequence = 0;
    auto operator<=>(const TimerId&) const = default;
  };
  enum class TimerKind {
    kAnswerLimit,  // The server should have said that the timeout is over.
    kPause,        // An acquire is to be tried again.
    kNoWord,       // connect_timeout is over.
    kLapse,        // A lease is lost unless it was renewed.
    kRenew,        // A lease is to be renewed.
    kRetry,        // A short call is to be sent again.
    kPatience,     // Whoever releases has waited for long enough.
  };
  struct Timer {
    TimerKind kind;
    std::uint64_t id;  // Of a claim, or of a short call.
  };

  // An acquire that is under way.
  struct Asking {
    ClaimId id = 0;
    std::shared_ptr<const AcquireSpec> spec;
    Duration timeout{};
    MonotonicTime deadline{};  // When the timeout is over.
    Backoff backoff;
    TimerId limit_timer{};
    TimerId pause_timer{};
    TimerId no_word_timer{};

    std::string lease_id{};
    bool may_be_known = false;  // lease_id, to the server.
    bool broke = false;         // A call with lease_id has, and may have had its effect.

    CallId call = 0;                  // The current try. 0: there is none.
    MonotonicTime sent{};             // When it was.
    std::uint64_t confirmation = 0;   // The short call that renews the grant; 0: none.
    std::uint64_t fencing_token = 0;  // Of the grant that is being confirmed.

    // The last word from the server that still stands, for the error at the end.
    std::optional<QueueInfo> queued{};
    absl::Status trouble{};
    std::optional<MonotonicTime> no_word_since{};  // Absent: the server waits for a holder.
    bool outage_told = false;                      // Since the last word.
    int too_late = 0;                              // Grants that came when their time was over.
  };

  // A lease that was granted and not yet released, be it lost or not.
  struct Holding {
    ClaimId id = 0;
    std::shared_ptr<const AcquireSpec> spec;
    std::shared_ptr<LeaseCore> lease;
    TimerId lapse_timer{};
    TimerId renew_timer{};
    std::uint64_t automatic = 0;        // The renewal that is under way; 0: none.
    CallId renewed_with = 0;            // The latest renewal of all that concerns it.
    bool due = false;                   // Its own renewal waits for what comes of that.
    std::set<std::uint64_t> by_hand{};  // Renewals that were asked for.
    bool over = false;                  // Lost, and signalled.
    absl::Status server_said{};         // Why the lease has ended, if it has said so.
  };

  enum class Purpose { kConfirm, kRenewAutomatically, kRenewByHand, kRelease, kQuery };

  struct RenewalOfAll {
    CallId call = 0;  // 0: none is under way.
    MonotonicTime sent{};
  };

  struct RetryPolicy {
    Duration attempt_limit;    // How long to wait for one answer.
    MonotonicTime give_up_at;  // No try begins, or lasts, after this.
    Duration first_pause = std::chrono::milliseconds(50);
    Duration longest_pause = std::chrono::seconds(2);
    bool once = false;  // Sent again it would have another effect.
  };

  // A short call, sent again until it is known how it ended.
  struct ShortCall {
    std::uint64_t id = 0;
    Purpose purpose;
    ClaimId claim = 0;                // Of a renewal.
    RequestId request = kTellNobody;  // kTellNobody also when it has been told.
    std::string key{};
    std::string lease_id{};
    RetryPolicy policy;
    Backoff backoff;
    CallId call = 0;  // The current try. 0: it pauses.
    MonotonicTime sent{};
    TimerId retry_timer{};
    TimerId patience_timer{};
    absl::Status trouble = absl::UnavailableError("there was no time for a call");
  };

  // Acquires: lease_table_asking.cc.
  void Attempt(Asking& asking, Turn& turn);
  void OnWaitEnded(Asking& asking, absl::StatusOr<Grant> end, Turn& turn);
  void OnGranted(Asking& asking, const Grant& grant, Turn& turn);
  void Confirm(Asking& asking, std::uint64_t fencing_token, Turn& turn);
  void OnConfirmed(Asking& asking, const absl::StatusOr<LeaseTimes>& times, Turn& turn);
  void OnTooLate(Asking& asking, const absl::Status& why, Turn& turn);
  void OnRefused(Asking& asking, absl::Status refusal, Turn& turn);
  void Pause(Asking& asking, const absl::Status& trouble, Turn& turn);
  void OnAnswerLimit(Asking& asking, Turn& turn);
  void ExpectWord(Asking& asking, Turn& turn);
  void OnWord(Asking& asking);
  void OnTrouble(Asking& asking, const absl::Status& trouble, Turn& turn);
  void OnNoWord(Asking& asking, Turn& turn);
  void UseNewLeaseId(Asking& asking, Turn& turn);
  void Succeed(Asking& asking, std::uint64_t fencing_token, LeaseTimes times, Turn& turn);
  void Fail(Asking& asking, absl::Status why, Turn& turn);
  Asking TakeOut(Asking& asking, Turn& turn);

  // Leases: lease_table_holding.cc.
  void Keep(const Asking& asking, std::shared_ptr<LeaseCore> lease, Turn& turn);
  void WatchLapse(Holding& holding);
  void OnLapseTimer(Holding& holding, Turn& turn);
  void ScheduleRenewal(Holding& holding, Turn& turn);
  void RenewAutomatically(Holding& holding, Turn& turn);
  void RenewByItself(Holding& holding, Turn& turn);
  bool MayRenewAll() const;
  void RenewAll(Turn& turn);
  void OnRenewedAutomatically(Holding& holding, const absl::StatusOr<LeaseTimes>& times,
                              Turn& turn);
  absl::Status ApplyRenewal(Holding& holding, const absl::StatusOr<LeaseTimes>& times, Turn& turn);
  void Lose(Holding& holding, const absl::Status& why, Turn& turn);
  void LoseAsTold(Holding& holding, const absl::Status& why, Turn& turn);
  void Lapse(Holding& holding, Turn& turn);
  void StopKeeping(Holding& holding, const absl::Status& why, Turn& turn);
  Holding TakeOut(ClaimId claim, Turn& turn);
  void SendRenewal(const Holding& holding, Purpose purpose, std::uint64_t call, RequestId request,
                   MonotonicTime give_up_at, Turn& turn);

  // Short calls: lease_table.cc.
  static RetryPolicy RenewalPolicy(Duration expire, MonotonicTime give_up_at);
  // Either may end the call, and with it what it belongs to.
  void Start(ShortCall call, Turn& turn);
  void Attempt(ShortCall& call, Turn& turn);
  void OnAnswered(ShortCall& call, absl::StatusOr<Grant> answer, Turn& turn);
  void NoteTrouble(const ShortCall& call, Turn& turn);
  void End(ShortCall& call, absl::StatusOr<Grant> answer, Turn& turn);
  void Discard(std::uint64_t call);
  ShortCall TakeOut(ShortCall& call);
  void Stop(Purpose purpose, const absl::Status& why, Turn& turn);
  void SendReleaseOf(const std::string& key, const std::string& lease_id, Duration useful_for,
                     RequestId request, Duration patience, Turn& turn);
  void Abandon(const std::string& key, const std::string& lease_id, Turn& turn);
  void OnPatienceOver(ShortCall& call, Turn& turn);

  CallId NewTry(std::uint64_t of);
  TimerId SetTimer(MonotonicTime when, TimerKind kind, std::uint64_t id);
  void CancelTimer(TimerId& timer);
  void Fire(const Timer& timer, Turn& turn);

  const Clock& clock_;
  Random& random_;

  std::uint64_t last_id_ = 0;  // Of claims, short calls and tries.
  std::map<ClaimId, Asking> asking_;
  std::map<ClaimId, Holding> holding_;
  std::unordered_map<std::string, ClaimId> claims_;  // Of `holding_`, by their lease_ids.
  std::map<std::uint64_t, ShortCall> short_calls_;
  std::map<CallId, std::uint64_t> tries_;  // Whose they are: an acquire's, or a short call's.
  std::size_t releasing_ = 0;              // Short calls that are releases.
  std::set<std::uint64_t> pausing_;        // Those of them that wait to be sent again.

  // Of `holding_`, those that expire and are not lost: which are renewed automatically, and
  // which are not.
  std::set<ClaimId> renewed_;
  std::set<ClaimId> not_renewed_;
  RenewalOfAll renewing_all_;
  bool can_renew_all_ = true;  // The transport, as far as is known.

  std::map<TimerId, Timer> timers_;
  std::uint64_t last_timer_ = 0;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_TABLE_H_
