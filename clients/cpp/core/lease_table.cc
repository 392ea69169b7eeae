// The lease table: what comes in, short calls, and timers.

#include "clients/cpp/core/lease_table.h"

#include <algorithm>
#include <utility>

#include "clients/cpp/core/errors.h"

namespace holdfast::core {
namespace {

// How long one try of a release waits for its answer.
constexpr Duration kReleaseAttempt = std::chrono::seconds(5);

// The server keeps places and undelivered grants for a few seconds after their call
// has broken, and then ends them without us.
constexpr Duration kAbandonedFor = std::chrono::seconds(30);

}  // namespace

// --- Events ------------------------------------------------------------------------------

void LeaseTable::OnGrant(CallId call, absl::StatusOr<Grant> grant, Turn& turn) {
  const auto known = tries_.extract(call);
  if (known.empty()) return;
  if (const auto asking = asking_.find(known.mapped()); asking != asking_.end()) {
    OnWaitEnded(asking->second, std::move(grant), turn);
  } else {
    OnAnswered(short_calls_.at(known.mapped()), std::move(grant), turn);
  }
}

void LeaseTable::OnAnswer(CallId call, absl::Status answer, Turn& turn) {
  const auto known = tries_.extract(call);
  if (known.empty()) return;
  ShortCall& answered = short_calls_.at(known.mapped());
  if (answer.ok()) {
    OnAnswered(answered, Grant{}, turn);
  } else {
    OnAnswered(answered, std::move(answer), turn);
  }
}

void LeaseTable::Ask(RequestId request, Duration patience, bool once, Turn& turn) {
  const RetryPolicy policy{
      .attempt_limit = patience, .give_up_at = After(turn.now, patience), .once = once};
  Start({.id = ++last_id_,
         .purpose = Purpose::kQuery,
         .request = request,
         .policy = policy,
         .backoff = Backoff(policy.first_pause, policy.longest_pause)},
        turn);
}

void LeaseTable::StopAsking(const absl::Status& why, Turn& turn) {
  Stop(Purpose::kQuery, why, turn);
}

void LeaseTable::StopReleasing(const absl::Status& why, Turn& turn) {
  Stop(Purpose::kRelease, why, turn);
}

// --- Short calls -------------------------------------------------------------------------

// Pauses and time limits that leave a lease of length `expire` room for several tries.
LeaseTable::RetryPolicy LeaseTable::RenewalPolicy(Duration expire, MonotonicTime give_up_at) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  // A renewal begins with two thirds of the lease left: time for four tries that
  // hang, or for many that fail at once.
  const Duration attempt = std::clamp<Duration>(expire / 6, milliseconds(1), seconds(5));
  return {.attempt_limit = attempt,
          .give_up_at = give_up_at,
          .first_pause = std::min<Duration>(milliseconds(50), attempt / 2),
          .longest_pause = std::min<Duration>(seconds(1), attempt)};
}

void LeaseTable::Start(ShortCall call, Turn& turn) {
  const std::uint64_t id = call.id;
  if (call.purpose == Purpose::kRelease) ++releasing_;
  Attempt(short_calls_.emplace(id, std::move(call)).first->second, turn);
}

void LeaseTable::Attempt(ShortCall& call, Turn& turn) {
  pausing_.erase(call.id);
  const Duration left = Between(turn.now, call.policy.give_up_at);
  if (left <= Duration::zero()) {
    if (call.purpose == Purpose::kRelease) {
      turn.Do(SendDetach{.key = call.key, .lease_id = call.lease_id});
    }
    End(call, GaveUp("gave up calling the server", call.trouble), turn);
    return;
  }
  const Duration limit = std::min(call.policy.attempt_limit, left);
  call.sent = turn.now;
  call.call = NewTry(call.id);
  switch (call.purpose) {
    case Purpose::kConfirm:
    case Purpose::kRenewAutomatically:
    case Purpose::kRenewByHand:
      turn.Do(
          SendRenew{.call = call.call, .key = call.key, .lease_id = call.lease_id, .limit = limit});
      return;
    case Purpose::kRelease:
      turn.Do(SendRelease{
          .call = call.call, .key = call.key, .lease_id = call.lease_id, .limit = limit});
      return;
    case Purpose::kQuery:
      turn.Do(SendQuery{.call = call.call, .request = call.request, .limit = limit});
      return;
  }
}

void LeaseTable::OnAnswered(ShortCall& call, absl::StatusOr<Grant> answer, Turn& turn) {
  call.call = 0;
  if (answer.ok() || !ShouldRetry(answer.status())) {
    End(call, std::move(answer), turn);
    return;
  }
  call.trouble = answer.status();
  if (call.policy.once) {
    End(call, GaveUp("it is unknown whether the server has done it", call.trouble), turn);
    return;
  }
  NoteTrouble(call, turn);
  if (call.purpose == Purpose::kRelease) pausing_.insert(call.id);
  const Duration pause = std::max(call.backoff.Next(random_), RetryDelayOf(call.trouble));
  call.retry_timer = SetTimer(std::min(After(turn.now, pause), call.policy.give_up_at),
                              TimerKind::kRetry, call.id);
}

void LeaseTable::NoteTrouble(const ShortCall& call, Turn& turn) {
  switch (call.purpose) {
    case Purpose::kConfirm:
      OnTrouble(asking_.at(call.claim), call.trouble, turn);
      return;
    case Purpose::kRenewAutomatically:
    case Purpose::kRenewByHand:
      holding_.at(call.claim).lease->MarkUncertain();
      return;
    case Purpose::kRelease:
    case Purpose::kQuery:
      return;
  }
}

void LeaseTable::End(ShortCall& call, absl::StatusOr<Grant> answer, Turn& turn) {
  const ShortCall ended = TakeOut(call);
  const absl::StatusOr<LeaseTimes> times =
      answer.ok() ? ComputeLeaseTimes(ended.sent, answer->elapsed, answer->remaining)
                  : absl::StatusOr<LeaseTimes>(answer.status());
  switch (ended.purpose) {
    case Purpose::kConfirm:
      OnConfirmed(asking_.at(ended.claim), times, turn);
      return;
    case Purpose::kRenewAutomatically:
      OnRenewedAutomatically(holding_.at(ended.claim), times, turn);
      return;
    case Purpose::kRenewByHand: {
      Holding& holding = holding_.at(ended.claim);
      holding.by_hand.erase(ended.id);
      turn.Do(TellEnded{.request = ended.request, .status = ApplyRenewal(holding, times, turn)});
      return;
    }
    case Purpose::kRelease:
    case Purpose::kQuery:
      if (ended.request == kTellNobody) return;
      turn.Do(TellEnded{.request = ended.request, .status = answer.status()});
      return;
  }
}

// Without telling anybody.
void LeaseTable::Discard(std::uint64_t call) { TakeOut(short_calls_.at(call)); }

LeaseTable::ShortCall LeaseTable::TakeOut(ShortCall& call) {
  CancelTimer(call.retry_timer);
  CancelTimer(call.patience_timer);
  pausing_.erase(call.id);
  if (call.call != 0) tries_.erase(call.call);
  if (call.purpose == Purpose::kRelease) --releasing_;
  return std::move(short_calls_.extract(call.id).mapped());
}

void LeaseTable::Stop(Purpose purpose, const absl::Status& why, Turn& turn) {
  std::vector<std::uint64_t> stopped;
  for (const auto& [id, call] : short_calls_) {
    if (call.purpose == purpose) stopped.push_back(id);
  }
  for (const std::uint64_t id : stopped) End(short_calls_.at(id), why, turn);
}

void LeaseTable::SendReleaseOf(const std::string& key, const std::string& lease_id,
                               Duration useful_for, RequestId request, Duration patience,
                               Turn& turn) {
  const RetryPolicy policy{.attempt_limit = kReleaseAttempt,
                           .give_up_at = After(turn.now, useful_for)};
  ShortCall call{.id = ++last_id_,
                 .purpose = Purpose::kRelease,
                 .request = request,
                 .key = key,
                 .lease_id = lease_id,
                 .policy = policy,
                 .backoff = Backoff(policy.first_pause, policy.longest_pause)};
  if (request != kTellNobody) {
    call.patience_timer = SetTimer(After(turn.now, patience), TimerKind::kPatience, call.id);
  }
  Start(std::move(call), turn);
}

void LeaseTable::Abandon(const std::string& key, const std::string& lease_id, Turn& turn) {
  SendReleaseOf(key, lease_id, kAbandonedFor, kTellNobody, kForever, turn);
}

void LeaseTable::OnPatienceOver(ShortCall& call, Turn& turn) {
  turn.Do(
      TellEnded{.request = std::exchange(call.request, kTellNobody),
                .status = absl::UnavailableError(
                    "the server has not answered the release yet; retrying in the background")});
}

CallId LeaseTable::NewTry(std::uint64_t of) {
  const CallId call = ++last_id_;
  tries_.emplace(call, of);
  return call;
}

// --- Timers ------------------------------------------------------------------------------

LeaseTable::TimerId LeaseTable::SetTimer(MonotonicTime when, TimerKind kind, std::uint64_t id) {
  if (when == MonotonicTime::max()) return {};
  const TimerId timer{.when = when, .sequence = ++last_timer_};
  timers_.emplace(timer, Timer{.kind = kind, .id = id});
  return timer;
}

void LeaseTable::CancelTimer(TimerId& timer) { timers_.erase(std::exchange(timer, {})); }

MonotonicTime LeaseTable::NextTimer() const {
  return timers_.empty() ? MonotonicTime::max() : timers_.begin()->first.when;
}

void LeaseTable::FireTimers(Turn& turn) {
  while (NextTimer() <= turn.now) Fire(timers_.extract(timers_.begin()).mapped(), turn);
}

// Whatever ends cancels its timers, so what a timer is about is there.
void LeaseTable::Fire(const Timer& timer, Turn& turn) {
  switch (timer.kind) {
    case TimerKind::kAnswerLimit:
      OnAnswerLimit(asking_.at(timer.id), turn);
      return;
    case TimerKind::kPause:
      Attempt(asking_.at(timer.id), turn);
      return;
    case TimerKind::kNoWord:
      OnNoWord(asking_.at(timer.id), turn);
      return;
    case TimerKind::kLapse:
      OnLapseTimer(holding_.at(timer.id), turn);
      return;
    case TimerKind::kRenew:
      RenewAutomatically(holding_.at(timer.id), turn);
      return;
    case TimerKind::kRetry:
      Attempt(short_calls_.at(timer.id), turn);
      return;
    case TimerKind::kPatience:
      OnPatienceOver(short_calls_.at(timer.id), turn);
      return;
  }
}

}  // namespace holdfast::core
