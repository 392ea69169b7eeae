#include "clients/cpp/core/lease_keeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "clients/cpp/core/errors.h"

namespace holdfast::core {
namespace {

Duration Scale(Duration span, double factor) {
  return std::chrono::duration_cast<Duration>(span * factor);
}

}  // namespace

LeaseKeeper::LeaseKeeper(const Environment& env, std::shared_ptr<LeaseCore> lease, bool auto_renew,
                         Signaller signaller)
    : env_(env),
      lease_(std::move(lease)),
      auto_renew_(auto_renew && lease_->facts().expire.has_value()),
      signaller_(std::move(signaller)) {}

void LeaseKeeper::Start() {
  WatchDeadline();
  if (auto_renew_) ScheduleRenewal();
}

void LeaseKeeper::Stop() {
  stopped_ = true;
  env_.scheduler.Cancel(deadline_timer_);
  env_.scheduler.Cancel(renewal_timer_);
  const absl::Status why = absl::CancelledError("the lease was given up in the meantime");
  if (automatic_ != nullptr) std::exchange(automatic_, nullptr)->Stop(why);
  for (const auto& [id, renewal] : std::exchange(by_hand_, {})) renewal->Stop(why);
}

void LeaseKeeper::Renew(Duration limit, absl::AnyInvocable<void(absl::Status)> done) {
  if (absl::Status status = lease_->status(); !status.ok()) {
    done(std::move(status));
    return;
  }
  const MonotonicTime give_up_at =
      std::min(After(env_.scheduler.Now(), limit), lease_->times().lost_at);
  const std::uint64_t id = ++last_by_hand_;
  const std::shared_ptr<Renewal> renewal =
      NewRenewal(give_up_at, [self = shared_from_this(), id, done = std::move(done)](
                                 const absl::StatusOr<LeaseTimes>& answer) mutable {
        self->by_hand_.erase(id);
        done(self->Apply(answer));
      });
  by_hand_.emplace(id, renewal);
  renewal->Start();
}

void LeaseKeeper::Lose(const absl::Status& why) {
  if (lease_->MarkLost(why)) signaller_(lease_);
  if (!stopped_) Stop();
}

void LeaseKeeper::WatchDeadline() {
  const MonotonicTime lost_at = lease_->times().lost_at;
  if (lost_at == MonotonicTime::max()) return;
  deadline_timer_ =
      env_.scheduler.At(lost_at, [self = shared_from_this()] { self->OnDeadlineTimer(); });
}

void LeaseKeeper::OnDeadlineTimer() {
  if (!lease_->HasLapsed()) {
    WatchDeadline();  // It was renewed meanwhile.
    return;
  }
  Lose(lease_->status());
}

void LeaseKeeper::ScheduleRenewal() {
  const Duration expire = *lease_->facts().expire;
  // When a third of the lease has passed, or somewhat earlier, so that leases which
  // were granted together are not all renewed together.
  const Duration left = expire * 2 / 3 + Scale(expire / 15, env_.random.Fraction());
  const MonotonicTime when = std::max(env_.scheduler.Now(), lease_->times().lost_at - left);
  renewal_timer_ =
      env_.scheduler.At(when, [self = shared_from_this()] { self->RenewAutomatically(); });
}

void LeaseKeeper::RenewAutomatically() {
  if (lease_->HasLapsed()) {
    Lose(lease_->status());
    return;
  }
  automatic_ = NewRenewal(lease_->times().lost_at,
                          [self = shared_from_this()](const absl::StatusOr<LeaseTimes>& answer) {
                            self->OnRenewed(answer);
                          });
  automatic_->Start();
}

void LeaseKeeper::OnRenewed(const absl::StatusOr<LeaseTimes>& answer) {
  automatic_ = nullptr;
  const absl::Status applied = Apply(answer);
  if (stopped_) return;
  if (applied.ok()) {
    ScheduleRenewal();
    return;
  }
  // The server refuses without saying that the lease has ended, or could not be
  // reached until the lease was as good as over.
  lease_->MarkUncertain();
  const MonotonicTime when = After(env_.scheduler.Now(), *lease_->facts().expire / 10);
  renewal_timer_ =
      env_.scheduler.At(when, [self = shared_from_this()] { self->RenewAutomatically(); });
}

absl::Status LeaseKeeper::Apply(const absl::StatusOr<LeaseTimes>& answer) {
  if (answer.ok()) {
    if (lease_->Extend(*answer)) return absl::OkStatus();
    if (stopped_) return absl::CancelledError("the lease was given up in the meantime");
    Lose(lease_->status());
    return lease_->status();
  }
  if (SaysLeaseEnded(answer.status())) Lose(answer.status());
  return answer.status();
}

std::shared_ptr<Renewal> LeaseKeeper::NewRenewal(MonotonicTime give_up_at, Renewal::Answer done) {
  const LeaseCore::Facts& facts = lease_->facts();
  // A lease that never expires may be renewed too: to see whether it is still there.
  const Duration expire = facts.expire.value_or(std::chrono::minutes(1));
  return MakeRenewal(
      env_, facts.key, facts.lease_id, RenewalPolicy(expire, give_up_at),
      [lease = lease_](const absl::Status&) { lease->MarkUncertain(); }, std::move(done));
}

}  // namespace holdfast::core
