// The lease table: acquires that are under way.

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table.h"

namespace holdfast::core {
namespace {

// The server measures the timeout and says when it is over. If it has not said so
// after this much more time, it is not going to.
constexpr Duration kAnswerGrace = std::chrono::seconds(1);

constexpr Duration kFirstPause = std::chrono::milliseconds(50);
constexpr Duration kLongestPause = std::chrono::seconds(2);

// The API's largest timeout. Whoever waits for longer waits without one, and the
// limit is kept on this side.
constexpr Duration kLongestTimeout = std::chrono::hours(24) * 366;

// A lease that was over before its grant had arrived, this many times, is shorter
// than the way to the server and back.
constexpr int kTooLateLimit = 3;

constexpr std::string_view kGaveUp = "gave up acquiring the lock";

absl::Status WaitTimeout(const QueueInfo& queued) {
  std::map<std::string, std::string> metadata;
  if (!queued.holders.empty()) {
    const HolderInfo& holder = queued.holders.front();
    metadata = {{"owner", holder.owner}, {"fencing_token", std::to_string(holder.fencing_token)}};
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout,
                   "the lock stayed held for the whole timeout", metadata);
}

}  // namespace

ClaimId LeaseTable::Acquire(std::shared_ptr<const AcquireSpec> spec, Duration timeout, Turn& turn) {
  const ClaimId id = ++last_id_;
  Asking& asking = asking_
                       .emplace(id, Asking{.id = id,
                                           .spec = std::move(spec),
                                           .timeout = timeout,
                                           .deadline = After(turn.now, timeout),
                                           .backoff = Backoff(kFirstPause, kLongestPause)})
                       .first->second;
  asking.limit_timer = SetTimer(After(asking.deadline, kAnswerGrace), TimerKind::kAnswerLimit, id);
  UseNewLeaseId(asking, turn);
  Attempt(asking, turn);
  return id;
}

void LeaseTable::GiveUp(ClaimId claim, const absl::Status& why, Turn& turn) {
  const auto asking = asking_.find(claim);
  if (asking != asking_.end()) Fail(asking->second, why, turn);
}

void LeaseTable::Attempt(Asking& asking, Turn& turn) {
  ExpectWord(asking, turn);
  asking.sent = turn.now;
  WaitRequest request{.key = asking.spec->key,
                      .lease_id = asking.lease_id,
                      .expire = asking.spec->expire,
                      .tags = asking.spec->tags,
                      .owner = asking.spec->owner,
                      .timeout = std::nullopt,
                      .bound = asking.spec->bound,
                      .max_hold = asking.spec->max_hold};
  const Duration left = std::max(Between(asking.sent, asking.deadline), Duration::zero());
  if (left <= kLongestTimeout) request.timeout = left;
  asking.may_be_known = true;
  asking.call = NewTry(asking.id);
  turn.Do(SendWait{.call = asking.call, .request = std::move(request)});
}

void LeaseTable::OnQueued(CallId call, QueueInfo info, Turn& turn) {
  const auto known = tries_.find(call);
  if (known == tries_.end()) return;
  const auto found = asking_.find(known->second);
  if (found == asking_.end()) return;
  Asking& asking = found->second;
  asking.backoff.Reset();
  OnWord(asking);
  asking.queued = info;
  turn.Do(TellQueued{.claim = asking.id, .info = std::move(info)});
}

void LeaseTable::OnWaitEnded(Asking& asking, absl::StatusOr<Grant> end, Turn& turn) {
  asking.call = 0;
  if (end.ok()) {
    OnWord(asking);
    OnGranted(asking, *end, turn);
  } else {
    OnRefused(asking, std::move(end).status(), turn);
  }
}

void LeaseTable::OnGranted(Asking& asking, const Grant& grant, Turn& turn) {
  const LeaseTimes times = ComputeLeaseTimes(asking.sent, grant.elapsed, grant.remaining);
  // After a long wait the margin may have used up most of the lease, and a grant that
  // was sent before its call broke is old. The caller is to get a lease to work with.
  const std::optional<Duration>& expire = asking.spec->expire;
  const bool fresh = !expire.has_value() || Between(turn.now, times.lost_at) >= *expire / 2;
  if (fresh) {
    Succeed(asking, grant.fencing_token, times, turn);
  } else {
    Confirm(asking, grant.fencing_token, turn);
  }
}

void LeaseTable::Confirm(Asking& asking, std::uint64_t fencing_token, Turn& turn) {
  asking.fencing_token = fencing_token;
  const RetryPolicy policy =
      RenewalPolicy(*asking.spec->expire, After(asking.deadline, kAnswerGrace));
  asking.confirmation = ++last_id_;
  Start({.id = asking.confirmation,
         .purpose = Purpose::kConfirm,
         .claim = asking.id,
         .key = asking.spec->key,
         .lease_id = asking.lease_id,
         .policy = policy,
         .backoff = Backoff(policy.first_pause, policy.longest_pause)},
        turn);
}

void LeaseTable::OnConfirmed(Asking& asking, const absl::StatusOr<LeaseTimes>& times, Turn& turn) {
  asking.confirmation = 0;
  if (!times.ok()) {
    if (SaysLeaseEnded(times.status())) {
      // An id that is unknown to the server can still be granted to a call that broke.
      const bool ended = ReasonOf(times.status()) != ErrorReason::kLeaseNotFound;
      asking.may_be_known = asking.broke && !ended;
      OnTooLate(asking, times.status(), turn);
    } else {
      Fail(asking, times.status(), turn);
    }
    return;
  }
  if (turn.now < times->lost_at) {
    Succeed(asking, asking.fencing_token, *times, turn);
  } else {
    OnTooLate(asking,
              MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired,
                        "the lease ended before its grant arrived: its expire is shorter than "
                        "the round trip to the server"),
              turn);
  }
}

void LeaseTable::OnTooLate(Asking& asking, const absl::Status& why, Turn& turn) {
  if (++asking.too_late == kTooLateLimit || turn.now >= asking.deadline) {
    Fail(asking, why, turn);
    return;
  }
  UseNewLeaseId(asking, turn);
  Pause(asking, why, turn);
}

void LeaseTable::OnRefused(Asking& asking, absl::Status refusal, Turn& turn) {
  if (ShouldRetry(refusal)) {
    asking.broke = true;
    OnTrouble(asking, refusal, turn);
    Pause(asking, refusal, turn);
    return;
  }
  OnWord(asking);
  // The server has decided about this call. But one that broke may be waiting there still,
  // or be on its way, and be granted after this: LOCK_HELD does not end the id, and a
  // server that is older than this library may not end it with WAIT_TIMEOUT for all calls.
  asking.may_be_known = asking.broke;
  switch (ReasonOf(refusal)) {
    case ErrorReason::kLeaseEnded:
    case ErrorReason::kLeaseExpired:
    case ErrorReason::kLeaseForced:
      // The call had broken and came back too late for its place or its grant.
      asking.may_be_known = false;
      UseNewLeaseId(asking, turn);
      Pause(asking, refusal, turn);
      return;
    case ErrorReason::kLockHeld:
      // The last attempt, at the end of the timeout, does not wait; this acquire did.
      Fail(asking,
           asking.timeout > Duration::zero()
               ? MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout,
                           {refusal.message().data(), refusal.message().size()},
                           ErrorMetadata(refusal))
               : refusal,
           turn);
      return;
    default:
      Fail(asking, std::move(refusal), turn);
      return;
  }
}

void LeaseTable::Pause(Asking& asking, const absl::Status& trouble, Turn& turn) {
  asking.trouble = trouble;
  asking.queued.reset();
  if (turn.now >= asking.deadline) {
    Fail(asking, GaveUp(kGaveUp, trouble), turn);
    return;
  }
  // The last attempt comes when the timeout is over, and does not wait any more.
  const Duration pause = std::max(asking.backoff.Next(random_), RetryDelayOf(trouble));
  asking.pause_timer =
      SetTimer(std::min(After(turn.now, pause), asking.deadline), TimerKind::kPause, asking.id);
}

void LeaseTable::OnAnswerLimit(Asking& asking, Turn& turn) {
  if (asking.queued.has_value()) {
    Fail(asking, WaitTimeout(*asking.queued), turn);
  } else {
    OnNoWord(asking, turn);
  }
}

void LeaseTable::ExpectWord(Asking& asking, Turn& turn) {
  if (asking.no_word_since.has_value()) return;
  asking.no_word_since = turn.now;
  asking.no_word_timer =
      SetTimer(After(turn.now, asking.spec->connect_timeout), TimerKind::kNoWord, asking.id);
}

void LeaseTable::OnWord(Asking& asking) {
  asking.no_word_since.reset();
  asking.outage_told = false;
  CancelTimer(asking.no_word_timer);
}

void LeaseTable::OnTrouble(Asking& asking, const absl::Status& trouble, Turn& turn) {
  ExpectWord(asking, turn);
  asking.trouble = trouble;
  if (std::exchange(asking.outage_told, true)) return;
  turn.Do(TellUnavailable{.claim = asking.id,
                          .outage = {.status = trouble, .since = *asking.no_word_since}});
}

void LeaseTable::OnNoWord(Asking& asking, Turn& turn) {
  Fail(asking,
       GaveUp(kGaveUp, asking.trouble.ok() ? absl::UnavailableError("no answer from the server")
                                           : asking.trouble),
       turn);
}

void LeaseTable::UseNewLeaseId(Asking& asking, Turn& turn) {
  if (asking.may_be_known) Abandon(asking.spec->key, asking.lease_id, turn);
  asking.lease_id = random_.NewLeaseId();
  asking.may_be_known = false;
  asking.broke = false;
}

void LeaseTable::Succeed(Asking& asking, std::uint64_t fencing_token, LeaseTimes times,
                         Turn& turn) {
  const Asking granted = TakeOut(asking, turn);
  auto lease = std::make_shared<LeaseCore>(clock_,
                                           LeaseCore::Facts{.key = granted.spec->key,
                                                            .lease_id = granted.lease_id,
                                                            .fencing_token = fencing_token,
                                                            .expire = granted.spec->expire},
                                           times);
  Keep(granted, lease, turn);
  turn.Do(TellAcquired{.claim = granted.id, .result = std::move(lease)});
}

void LeaseTable::Fail(Asking& asking, absl::Status why, Turn& turn) {
  const Asking failed = TakeOut(asking, turn);
  if (failed.may_be_known) Abandon(failed.spec->key, failed.lease_id, turn);
  turn.Do(TellAcquired{.claim = failed.id, .result = std::move(why)});
}

// Ends all that the acquire has under way.
LeaseTable::Asking LeaseTable::TakeOut(Asking& asking, Turn& turn) {
  CancelTimer(asking.limit_timer);
  CancelTimer(asking.pause_timer);
  CancelTimer(asking.no_word_timer);
  if (asking.call != 0) {
    tries_.erase(asking.call);
    turn.Do(CancelWait{.call = asking.call});
  }
  if (asking.confirmation != 0) Discard(asking.confirmation);
  return std::move(asking_.extract(asking.id).mapped());
}

}  // namespace holdfast::core
