// The lease table: leases while they are held.

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table.h"
#include "clients/cpp/core/lease_times.h"

namespace holdfast::core {
namespace {

// The server remembers used-up ids for as long as this, so a later release could
// not be told apart from one of an unknown id.
constexpr Duration kLongestRelease = std::chrono::minutes(5);

// By how much of a lease its renewal may come earlier, at the most.
constexpr int kEarlierBy = 15;

Duration Scale(Duration span, double factor) {
  return std::chrono::duration_cast<Duration>(span * factor);
}

}  // namespace

void LeaseTable::Keep(const Asking& asking, std::shared_ptr<LeaseCore> lease, Turn& turn) {
  Holding& holding =
      holding_
          .emplace(asking.id,
                   Holding{.id = asking.id, .spec = asking.spec, .lease = std::move(lease)})
          .first->second;
  claims_.emplace(holding.lease->facts().lease_id, asking.id);
  WatchLapse(holding);
  if (!holding.spec->expire.has_value()) return;
  if (holding.spec->auto_renew) {
    renewed_.insert(holding.id);
    ScheduleRenewal(holding, turn);
  } else {
    not_renewed_.insert(holding.id);
  }
}

void LeaseTable::Renew(ClaimId claim, RequestId request, Duration limit, Turn& turn) {
  Holding& holding = holding_.at(claim);
  if (absl::Status status = holding.lease->status(turn.now); !status.ok()) {
    turn.Do(TellEnded{.request = request, .status = std::move(status)});
    return;
  }
  const MonotonicTime give_up_at = std::min(After(turn.now, limit), holding.lease->times().lost_at);
  const std::uint64_t call = ++last_id_;
  holding.by_hand.insert(call);
  SendRenewal(holding, Purpose::kRenewByHand, call, request, give_up_at, turn);
}

void LeaseTable::Release(ClaimId claim, RequestId request, Duration patience, Turn& turn) {
  const Holding released = TakeOut(claim, turn);
  released.lease->MarkReleased(turn.now);
  // The server may have forgotten it meanwhile, as a session acknowledges what it is told.
  if (!released.server_said.ok()) {
    turn.Do(TellEnded{.request = request, .status = released.server_said});
    return;
  }
  const LeaseCore::Facts& facts = released.lease->facts();
  ReleaseId(facts.key, facts.lease_id, facts.expire, request, patience, turn);
}

void LeaseTable::ReleaseId(const std::string& key, const std::string& lease_id,
                           std::optional<Duration> expire, RequestId request, Duration patience,
                           Turn& turn) {
  const Duration useful_for =
      std::max(std::min(expire.value_or(kLongestRelease), kLongestRelease), patience);
  SendReleaseOf(key, lease_id, useful_for, request, patience, turn);
}

void LeaseTable::Detach(ClaimId claim, Turn& turn) {
  const Holding detached = TakeOut(claim, turn);
  const LeaseCore::Facts& facts = detached.lease->facts();
  turn.Do(SendDetach{.key = facts.key, .lease_id = facts.lease_id});
}

LeaseTable::Holding LeaseTable::TakeOut(ClaimId claim, Turn& turn) {
  Holding taken = std::move(holding_.extract(claim).mapped());
  claims_.erase(taken.lease->facts().lease_id);
  StopKeeping(taken, absl::CancelledError("the lease was given up in the meantime"), turn);
  return taken;
}

void LeaseTable::OnLeaseEnded(const std::string& lease_id, const absl::Status& why, Turn& turn) {
  const auto claim = claims_.find(lease_id);
  if (claim != claims_.end()) LoseAsTold(holding_.at(claim->second), why, turn);
}

void LeaseTable::Lose(ClaimId claim, const absl::Status& why, Turn& turn) {
  Lose(holding_.at(claim), why, turn);
}

void LeaseTable::Lose(Holding& holding, const absl::Status& why, Turn& turn) {
  if (std::exchange(holding.over, true)) return;
  if (holding.lease->MarkLost(why)) turn.Do(SignalLost{.lease = holding.lease});
  StopKeeping(holding, why, turn);
}

void LeaseTable::LoseAsTold(Holding& holding, const absl::Status& why, Turn& turn) {
  if (holding.server_said.ok()) holding.server_said = why;
  Lose(holding, why, turn);
}

// Its time is over. The server may hold it for longer, but not for ever: it is not to be
// renewed with the others.
void LeaseTable::Lapse(Holding& holding, Turn& turn) {
  Lose(holding, holding.lease->status(turn.now), turn);
  const LeaseCore::Facts& facts = holding.lease->facts();
  turn.Do(SendDetach{.key = facts.key, .lease_id = facts.lease_id});
}

void LeaseTable::StopKeeping(Holding& holding, const absl::Status& why, Turn& turn) {
  renewed_.erase(holding.id);
  not_renewed_.erase(holding.id);
  CancelTimer(holding.lapse_timer);
  CancelTimer(holding.renew_timer);
  if (holding.automatic != 0) Discard(std::exchange(holding.automatic, 0));
  for (const std::uint64_t call : std::exchange(holding.by_hand, {})) {
    const ShortCall stopped = TakeOut(short_calls_.at(call));
    turn.Do(TellEnded{.request = stopped.request, .status = why});
  }
}

void LeaseTable::WatchLapse(Holding& holding) {
  holding.lapse_timer = SetTimer(holding.lease->times().lost_at, TimerKind::kLapse, holding.id);
}

void LeaseTable::OnLapseTimer(Holding& holding, Turn& turn) {
  if (holding.lease->HasLapsed(turn.now)) {
    Lapse(holding, turn);
  } else {
    WatchLapse(holding);  // It was renewed meanwhile.
  }
}

void LeaseTable::ScheduleRenewal(Holding& holding, Turn& turn) {
  const Duration expire = *holding.spec->expire;
  // When a third of the lease has passed, or somewhat earlier, so that leases which
  // were granted together are not all renewed together.
  const Duration left = expire * 2 / 3 + Scale(expire / kEarlierBy, random_.Fraction());
  // At the end of its max_hold a renewal brings nothing, and the next one is not to follow
  // at once.
  const MonotonicTime earliest =
      holding.spec->max_hold.has_value() ? After(turn.now, expire / 10) : turn.now;
  const MonotonicTime when = std::max(earliest, holding.lease->times().lost_at - left);
  holding.renew_timer = SetTimer(when, TimerKind::kRenew, holding.id);
}

void LeaseTable::RenewAutomatically(Holding& holding, Turn& turn) {
  if (holding.lease->HasLapsed(turn.now)) {
    Lapse(holding, turn);
    return;
  }
  const Duration expire = *holding.spec->expire;
  if (Between(turn.now, holding.lease->times().lost_at) > expire * 2 / 3 + expire / kEarlierBy) {
    ScheduleRenewal(holding, turn);  // It was renewed meanwhile, with others.
    return;
  }
  if (MayRenewAll() && !holding.spec->max_hold.has_value()) RenewAll(turn);
  holding.due = renewing_all_.call != 0 && holding.renewed_with == renewing_all_.call;
  if (!holding.due) RenewByItself(holding, turn);
}

bool LeaseTable::MayRenewAll() const {
  return can_renew_all_ && renewing_all_.call == 0 && renewed_.size() > 1 && not_renewed_.empty() &&
         pausing_.empty();
}

void LeaseTable::RenewAll(Turn& turn) {
  renewing_all_ = {.call = ++last_id_, .sent = turn.now};
  // The first try of each is as long as if it had been renewed by itself.
  Duration limit = kForever;
  for (const ClaimId claim : renewed_) {
    Holding& holding = holding_.at(claim);
    // How much of its longest hold is left, the server says only where it is asked about it.
    if (holding.spec->max_hold.has_value()) continue;
    holding.renewed_with = renewing_all_.call;
    limit = std::min(limit, RenewalPolicy(*holding.spec->expire, {}).attempt_limit);
  }
  turn.Do(SendRenewAll{.call = renewing_all_.call, .limit = limit});
}

void LeaseTable::OnRenewedAll(CallId call, const absl::StatusOr<std::uint64_t>& leases,
                              Turn& turn) {
  if (call != renewing_all_.call) return;
  const RenewalOfAll ended = std::exchange(renewing_all_, {});
  if (absl::IsUnimplemented(leases.status())) can_renew_all_ = false;
  std::vector<ClaimId> concerned;
  for (const ClaimId claim : renewed_) {
    if (holding_.at(claim).renewed_with == call) concerned.push_back(claim);
  }
  // Those that ended meanwhile have been taken out before, as they were told before. If the
  // server counts fewer than are left, it does not think of the same leases.
  const bool renewed = leases.ok() && *leases >= concerned.size();
  for (const ClaimId claim : concerned) {
    Holding& holding = holding_.at(claim);
    const bool due = std::exchange(holding.due, false);
    if (renewed) {
      const absl::Status applied = ApplyRenewal(
          holding, ComputeLeaseTimes(ended.sent, Duration::zero(), *holding.spec->expire), turn);
      if (due && applied.ok()) ScheduleRenewal(holding, turn);
    } else if (due) {
      if (can_renew_all_ && !leases.ok()) holding.lease->MarkUncertain();
      RenewByItself(holding, turn);
    }
  }
}

void LeaseTable::RenewByItself(Holding& holding, Turn& turn) {
  holding.automatic = ++last_id_;
  SendRenewal(holding, Purpose::kRenewAutomatically, holding.automatic, kTellNobody,
              holding.lease->times().lost_at, turn);
}

void LeaseTable::OnRenewedAutomatically(Holding& holding, const absl::StatusOr<LeaseTimes>& times,
                                        Turn& turn) {
  holding.automatic = 0;
  const absl::Status applied = ApplyRenewal(holding, times, turn);
  if (holding.over) return;
  if (applied.ok()) {
    ScheduleRenewal(holding, turn);
    return;
  }
  // The server refuses without saying that the lease has ended, or could not be
  // reached until the lease was as good as over.
  holding.lease->MarkUncertain();
  holding.renew_timer =
      SetTimer(After(turn.now, *holding.spec->expire / 10), TimerKind::kRenew, holding.id);
}

absl::Status LeaseTable::ApplyRenewal(Holding& holding, const absl::StatusOr<LeaseTimes>& times,
                                      Turn& turn) {
  if (times.ok()) {
    if (holding.lease->Extend(*times, turn.now)) return absl::OkStatus();
    Lapse(holding, turn);
    return holding.lease->status(turn.now);
  }
  if (SaysLeaseEnded(times.status())) LoseAsTold(holding, times.status(), turn);
  return times.status();
}

void LeaseTable::SendRenewal(const Holding& holding, Purpose purpose, std::uint64_t call,
                             RequestId request, MonotonicTime give_up_at, Turn& turn) {
  const LeaseCore::Facts& facts = holding.lease->facts();
  // A lease that never expires may be renewed too: to see whether it is still there.
  const RetryPolicy policy =
      RenewalPolicy(facts.expire.value_or(std::chrono::minutes(1)), give_up_at);
  Start({.id = call,
         .purpose = purpose,
         .claim = holding.id,
         .request = request,
         .key = facts.key,
         .lease_id = facts.lease_id,
         .policy = policy,
         .backoff = Backoff(policy.first_pause, policy.longest_pause)},
        turn);
}

}  // namespace holdfast::core
