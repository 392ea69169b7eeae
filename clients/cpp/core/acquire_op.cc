#include "clients/cpp/core/acquire_op.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include "clients/cpp/core/errors.h"

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

}  // namespace

AcquireOp::AcquireOp(const Environment& env, Releaser& releaser, const AcquireSpec& spec,
                     Duration timeout, Hooks hooks)
    : env_(env),
      releaser_(releaser),
      spec_(spec),
      timeout_(timeout),
      hooks_(std::move(hooks)),
      backoff_(kFirstPause, kLongestPause) {}

void AcquireOp::Start() {
  deadline_ = After(env_.scheduler.Now(), timeout_);
  const MonotonicTime limit = After(deadline_, kAnswerGrace);
  if (limit != MonotonicTime::max()) {
    limit_timer_ = env_.scheduler.At(limit, [self = shared_from_this()] { self->OnLimit(); });
  }
  UseNewLeaseId();
  Attempt();
}

void AcquireOp::Attempt() {
  pause_timer_ = {};
  ExpectWord();
  sent_ = env_.scheduler.Now();
  WaitRequest request{.key = spec_.key,
                      .lease_id = lease_id_,
                      .expire = spec_.expire,
                      .tags = spec_.tags,
                      .owner = spec_.owner,
                      .timeout = std::nullopt};
  const Duration left = std::max(Between(sent_, deadline_), Duration::zero());
  if (left <= kLongestTimeout) request.timeout = left;

  may_be_known_ = true;
  const std::uint64_t attempt = ++attempt_;
  LockTransport::WaitEvents events;
  events.on_queued = [self = shared_from_this(), attempt](QueueInfo info) {
    self->env_.scheduler.Run([self, attempt, info = std::move(info)]() mutable {
      self->OnQueued(attempt, std::move(info));
    });
  };
  events.on_end = [self = shared_from_this(), attempt](absl::StatusOr<Grant> end) {
    self->env_.scheduler.Run([self, attempt, end = std::move(end)]() mutable {
      self->OnEnded(attempt, std::move(end));
    });
  };
  call_ = env_.transport.Wait(request, std::move(events));
}

void AcquireOp::OnQueued(std::uint64_t attempt, QueueInfo info) {
  if (finished_ || attempt != attempt_) return;
  backoff_.Reset();
  OnWord();
  queued_ = info;
  if (hooks_.on_queued) hooks_.on_queued(std::move(info));
}

void AcquireOp::OnEnded(std::uint64_t attempt, absl::StatusOr<Grant> end) {
  if (finished_ || attempt != attempt_) return;
  call_ = nullptr;
  if (end.ok()) {
    OnWord();
    OnGranted(*end);
  } else {
    OnRefused(std::move(end).status());
  }
}

void AcquireOp::OnGranted(const Grant& grant) {
  const LeaseTimes times = ComputeLeaseTimes(sent_, grant.elapsed, grant.remaining);
  // After a long wait the margin may have used up most of the lease, and a grant that
  // was sent before its call broke is old. The caller is to get a lease to work with.
  const bool fresh = !spec_.expire.has_value() ||
                     Between(env_.scheduler.Now(), times.lost_at) >= *spec_.expire / 2;
  if (fresh) {
    Succeed(grant.fencing_token, times);
  } else {
    Confirm(grant.fencing_token);
  }
}

void AcquireOp::Confirm(std::uint64_t fencing_token) {
  const MonotonicTime give_up_at = After(deadline_, kAnswerGrace);
  confirmation_ = MakeRenewal(
      env_, spec_.key, lease_id_, RenewalPolicy(*spec_.expire, give_up_at),
      [self = shared_from_this()](const absl::Status& trouble) {
        if (!self->finished_) self->OnTrouble(trouble);
      },
      [self = shared_from_this(), fencing_token](const absl::StatusOr<LeaseTimes>& times) {
        self->OnConfirmed(fencing_token, times);
      });
  confirmation_->Start();
}

void AcquireOp::OnConfirmed(std::uint64_t fencing_token, const absl::StatusOr<LeaseTimes>& times) {
  confirmation_ = nullptr;
  if (finished_) return;
  if (!times.ok()) {
    if (SaysLeaseEnded(times.status())) {
      // An id that is unknown to the server can still be granted to a call that broke.
      const bool ended = ReasonOf(times.status()) != ErrorReason::kLeaseNotFound;
      may_be_known_ = broke_ && !ended;
      OnTooLate(times.status());
    } else {
      Finish(times.status());
    }
    return;
  }
  if (env_.scheduler.Now() < times->lost_at) {
    Succeed(fencing_token, *times);
  } else {
    OnTooLate(MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired,
                        "the lease ended before its grant arrived: its expire is shorter than "
                        "the round trip to the server"));
  }
}

void AcquireOp::OnTooLate(const absl::Status& why) {
  if (++too_late_ == kTooLateLimit || env_.scheduler.Now() >= deadline_) {
    Finish(why);
    return;
  }
  UseNewLeaseId();
  Pause(why);
}

void AcquireOp::Succeed(std::uint64_t fencing_token, LeaseTimes times) {
  Finish(std::make_shared<LeaseCore>(env_.clock,
                                     LeaseCore::Facts{.key = spec_.key,
                                                      .lease_id = lease_id_,
                                                      .fencing_token = fencing_token,
                                                      .expire = spec_.expire},
                                     times));
}

void AcquireOp::OnRefused(absl::Status refusal) {
  if (ShouldRetry(refusal)) {
    broke_ = true;
    OnTrouble(refusal);
    Pause(refusal);
    return;
  }
  OnWord();
  // The server has decided about this call. But one that broke may be waiting there still,
  // or be on its way, and be granted after this: LOCK_HELD does not end the id, and a
  // server that is older than this library may not end it with WAIT_TIMEOUT for all calls.
  may_be_known_ = broke_;
  switch (ReasonOf(refusal)) {
    case ErrorReason::kLeaseEnded:
    case ErrorReason::kLeaseExpired:
    case ErrorReason::kLeaseForced:
      // The call had broken and came back too late for its place or its grant.
      may_be_known_ = false;
      UseNewLeaseId();
      Pause(refusal);
      return;
    case ErrorReason::kLockHeld:
      // The last attempt, at the end of the timeout, does not wait; this acquire did.
      Finish(timeout_ > Duration::zero()
                 ? MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout,
                             {refusal.message().data(), refusal.message().size()},
                             ErrorMetadata(refusal))
                 : refusal);
      return;
    default:
      Finish(std::move(refusal));
      return;
  }
}

void AcquireOp::Pause(const absl::Status& trouble) {
  trouble_ = trouble;
  queued_.reset();
  const MonotonicTime now = env_.scheduler.Now();
  if (now >= deadline_) {
    Finish(GaveUp(kGaveUp, trouble));
    return;
  }
  // The last attempt comes when the timeout is over, and does not wait any more.
  const Duration pause = std::max(backoff_.Next(env_.random), RetryDelayOf(trouble));
  pause_timer_ = env_.scheduler.At(std::min(After(now, pause), deadline_),
                                   [self = shared_from_this()] { self->Attempt(); });
}

void AcquireOp::OnLimit() {
  if (queued_.has_value()) {
    Finish(WaitTimeout());
  } else {
    OnNoWord();
  }
}

void AcquireOp::ExpectWord() {
  if (no_word_since_.has_value()) return;
  no_word_since_ = env_.scheduler.Now();
  const MonotonicTime limit = After(*no_word_since_, spec_.connect_timeout);
  if (limit == MonotonicTime::max()) return;
  no_word_timer_ = env_.scheduler.At(limit, [self = shared_from_this()] { self->OnNoWord(); });
}

void AcquireOp::OnWord() {
  no_word_since_.reset();
  outage_told_ = false;
  env_.scheduler.Cancel(no_word_timer_);
}

void AcquireOp::OnTrouble(const absl::Status& trouble) {
  ExpectWord();
  trouble_ = trouble;
  if (std::exchange(outage_told_, true) || !hooks_.on_unavailable) return;
  hooks_.on_unavailable({.status = trouble, .since = *no_word_since_});
}

void AcquireOp::OnNoWord() {
  Finish(GaveUp(kGaveUp,
                trouble_.ok() ? absl::UnavailableError("no answer from the server") : trouble_));
}

void AcquireOp::UseNewLeaseId() {
  if (may_be_known_) releaser_.Abandon(spec_.key, lease_id_);
  lease_id_ = env_.random.NewLeaseId();
  may_be_known_ = false;
  broke_ = false;
}

absl::Status AcquireOp::WaitTimeout() const {
  std::map<std::string, std::string> metadata;
  if (!queued_->holders.empty()) {
    const HolderInfo& holder = queued_->holders.front();
    metadata = {{"owner", holder.owner}, {"fencing_token", std::to_string(holder.fencing_token)}};
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded, ErrorReason::kWaitTimeout,
                   "the lock stayed held for the whole timeout", metadata);
}

void AcquireOp::Finish(absl::StatusOr<std::shared_ptr<LeaseCore>> result) {
  if (finished_) return;
  finished_ = true;
  env_.scheduler.Cancel(limit_timer_);
  env_.scheduler.Cancel(pause_timer_);
  env_.scheduler.Cancel(no_word_timer_);
  if (call_ != nullptr) std::exchange(call_, nullptr)->Cancel();
  if (confirmation_ != nullptr) {
    std::exchange(confirmation_, nullptr)->Stop(absl::CancelledError("the acquire has ended"));
  }
  if (!result.ok() && may_be_known_) releaser_.Abandon(spec_.key, lease_id_);
  Hooks hooks = std::move(hooks_);
  hooks_ = {};
  hooks.done(std::move(result));
}

}  // namespace holdfast::core
