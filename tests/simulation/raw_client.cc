#include "tests/simulation/raw_client.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "clients/cpp/core/lease_times.h"
#include "services/lock/engine/outcome.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long a short call may take.
constexpr Duration kCallLimit = seconds(2);

// How much longer than its timeout an acquire waits for its answer.
constexpr Duration kAnswerGrace = seconds(1);

constexpr Duration kShortestExpire = milliseconds(50);
constexpr Duration kLongestTimeout = seconds(15);

// Of those who wait, so many would wait for ever; of leases that are renewed, so many
// ask for another expire each time.
constexpr unsigned kWithoutTimeoutPermille = 100;
constexpr unsigned kOtherRenewalsPermille = 300;

// Those renew so often for the last time, with a short expire, and count on what they
// were promised before.
constexpr unsigned kLastRenewalPermille = 200;

std::string LeaseId(std::uint32_t client, std::uint64_t episode) {
  return "lease-" + std::to_string(client) + "-" + std::to_string(episode);
}

bool Unavailable(const Refused& refused) {
  return refused.reason == Refusal::kStarting || refused.reason == Refusal::kStopping ||
         refused.reason == Refusal::kCancelled;
}

}  // namespace

RawClient::RawClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew)
    : Client(world.recorder),
      world_(world),
      plan_(plan),
      process_(world.timeline, skew),
      caller_(
          std::make_unique<Caller>(world_.next_number(), process_, world.network, world.recorder)) {
  first_channel_ = world_.network.AddChannel(process_);
  for (std::size_t i = 1; i < kChannels; ++i) world_.network.AddChannel(process_);
}

void RawClient::Start() { Rest(); }

void RawClient::WindDown() {
  winding_down_ = true;
  overstays_ = false;
}

void RawClient::DieAndRestart() {
  process_.Die();
  world_.network.ClientDied(process_);
  world_.recorder.Record(number(), 0, history::ClientStopped{});
  operation_ = nullptr;
  ++episode_;
  stage_ = Stage::kIdle;
  caller_ =
      std::make_unique<Caller>(world_.next_number(), process_, world_.network, world_.recorder);
  In(world_.chance.Skewed(milliseconds(50), seconds(3)), &RawClient::Rest);
}

// Runs a step of the episode later, unless it is over by then.
void RawClient::In(Duration span, void (RawClient::*what)()) {
  process_.After(span, [this, what, episode = episode_] {
    if (episode == episode_) (this->*what)();
  });
}

void RawClient::Rest() {
  if (winding_down_) return;
  In(world_.chance.Between(milliseconds(1), plan_.longest_idle), &RawClient::BeginEpisode);
}

void RawClient::BeginEpisode() {
  if (winding_down_) return;
  Chance& chance = world_.chance;
  ++episode_;
  stage_ = Stage::kAcquiring;
  unanswered_ = false;
  spec_ = {.key = chance.Pick(plan_.keys),
           .lease_id = LeaseId(number(), episode_),
           .owner = "client-" + std::to_string(number())};
  if (!chance.Permille(plan_.no_expire_permille)) {
    spec_.expire = chance.Skewed(kShortestExpire, plan_.longest_expire);
  }
  timeout_ = chance.Permille(plan_.tries_permille)
                 ? Duration::zero()
                 : chance.Skewed(milliseconds(20), kLongestTimeout);
  if (timeout_ > Duration::zero() && chance.Permille(kWithoutTimeoutPermille)) {
    timeout_ = kNoTimeout;
  }
  overstays_ = spec_.expire.has_value() && chance.Permille(plan_.overstays_permille);
  renews_ = !overstays_ && chance.Permille(plan_.renews_permille);
  renews_otherwise_ = chance.Permille(kOtherRenewalsPermille);
  renews_no_more_ = false;
  SendAcquire();
  if (chance.Permille(plan_.overtakes_permille)) {
    SendRelease();
  } else if (timeout_ > Duration::zero() && chance.Permille(plan_.impatient_permille)) {
    process_.After(chance.Between(Duration(1), std::min(timeout_, kLongestTimeout)),
                   [this, episode = episode_] {
                     if (episode == episode_ && stage_ == Stage::kAcquiring) SendRelease();
                   });
  }
}

void RawClient::SendAcquire() {
  const AcquireCommand command{
      .spec = spec_, .timeout = timeout_, .report_queue = timeout_ > Duration::zero()};
  const Duration sent = process_.LocalNow();
  std::optional<Duration> limit;
  if (timeout_ != kNoTimeout) limit = timeout_ + kAnswerGrace;
  operation_ = caller_->Call(AnyChannel(), command, limit,
                             {.on_end = [this, sent, episode = episode_](const Ending& ending) {
                               if (episode != episode_ || stage_ != Stage::kAcquiring) return;
                               operation_ = nullptr;
                               if (const auto* granted = ending.As<Granted>())
                                 Count(granted->lease, sent, ending.event);
                               OnAcquireEnded(ending);
                             }});
}

void RawClient::OnAcquireEnded(const Ending& ending) {
  if (const auto* granted = ending.As<Granted>()) {
    Hold(granted->lease.lease.fencing_token);
  } else if (const auto* refused = ending.As<Refused>();
             refused != nullptr && !Unavailable(*refused)) {
    if (refused->reason == Refusal::kLeaseMismatch) {
      world_.recorder.Fail("a request that was sent again was taken for another one");
    }
    // An earlier call may be on its way still, and be granted after this one was refused.
    if (unanswered_) {
      SendRelease();
    } else {
      EndEpisode();
    }
  } else {
    OnAcquireUnanswered();
  }
}

void RawClient::OnAcquireUnanswered() {
  unanswered_ = true;
  Chance& chance = world_.chance;
  if (spec_.expire.has_value() && !winding_down_ && chance.Permille(plan_.forgets_permille)) {
    EndEpisode();
  } else if (chance.Permille(700) && !winding_down_) {
    In(chance.Skewed(milliseconds(10), seconds(1)), &RawClient::SendAcquire);
  } else {
    SendRelease();
  }
}

void RawClient::Hold(std::uint64_t fencing_token) {
  stage_ = Stage::kHolding;
  fencing_token_ = fencing_token;
  WatchDeadline();
  if (renews_) ScheduleRenewal();
  In(world_.chance.Skewed(milliseconds(1), seconds(1)), &RawClient::Write);
  if (overstays_) return;
  process_.After(world_.chance.Skewed(milliseconds(1), plan_.longest_hold),
                 [this, episode = episode_] {
                   if (episode == episode_ && stage_ == Stage::kHolding) SendRelease();
                 });
}

// From now on the lease counts until the deadline that follows from this answer.
void RawClient::Count(const LeaseView& lease, Duration sent, std::size_t event) {
  const Duration deadline =
      core::ComputeLeaseTimes(MonotonicTime(sent), lease.elapsed, lease.remaining)
          .deadline.time_since_epoch();
  // Answers may overtake one another.
  deadline_ = stage_ == Stage::kHolding ? std::max(deadline_, deadline) : deadline;
  world_.recorder.SetValidUntil(event, process_.TrueTime(deadline));
}

void RawClient::WatchDeadline() {
  if (deadline_ == Duration::max()) return;
  process_.At(deadline_, [this, episode = episode_] {
    if (episode != episode_ || stage_ != Stage::kHolding) return;
    if (process_.LocalNow() < deadline_) {
      WatchDeadline();  // It was renewed.
    } else {
      OnLost();
    }
  });
}

void RawClient::ScheduleRenewal() {
  const Duration expire = spec_.expire.value_or(seconds(5));
  In(world_.chance.Between(expire / 4, expire / 2), &RawClient::SendRenew);
}

void RawClient::SendRenew() {
  if (stage_ != Stage::kHolding) return;
  const Duration sent = process_.LocalNow();
  std::optional<Duration> expire;
  if (renews_otherwise_) {
    const Duration first = spec_.expire.value_or(seconds(5));
    renews_no_more_ = world_.chance.Permille(kLastRenewalPermille);
    expire = renews_no_more_ ? world_.chance.Between(first / 8, first / 2)
                             : world_.chance.Between(first / 2, 3 * first);
  }
  caller_->Call(AnyChannel(),
                RenewCommand{.key = spec_.key, .lease_id = spec_.lease_id, .expire = expire},
                kCallLimit, {.on_end = [this, sent, episode = episode_](const Ending& ending) {
                  if (episode == episode_ && stage_ == Stage::kHolding) OnRenewEnded(ending, sent);
                }});
}

void RawClient::OnRenewEnded(const Ending& ending, Duration sent) {
  if (const auto* renewed = ending.As<Renewed>()) {
    if (renewed->lease.lease.fencing_token != fencing_token_) {
      world_.recorder.Fail("a renewal changed the token");
    }
    if (process_.LocalNow() >= deadline_) return;  // Too late: it is lost in a moment.
    Count(renewed->lease, sent, ending.event);
    if (!renews_no_more_) ScheduleRenewal();
  } else if (const auto* refused = ending.As<Refused>();
             refused != nullptr && !Unavailable(*refused)) {
    OnLost();
  } else {
    In(milliseconds(50), &RawClient::SendRenew);
  }
}

void RawClient::Write() {
  if (stage_ != Stage::kHolding) return;
  process_.After(world_.chance.Skewed(milliseconds(1), milliseconds(500)),
                 [this, episode = episode_, key = spec_.key, token = fencing_token_] {
                   const bool accepted = world_.store.Write(number(), key, token);
                   const bool valid = episode == episode_ && stage_ == Stage::kHolding &&
                                      process_.LocalNow() < deadline_;
                   if (valid && !accepted && !world_.store.forced(key)) {
                     world_.recorder.Fail("a holder whose lease was valid was fenced off");
                   }
                 });
}

void RawClient::OnLost() {
  world_.recorder.Record(number(), 0, history::Lost{.key = spec_.key, .lease_id = spec_.lease_id});
  // Those who clean up all the same are told that there is nothing to clean up.
  if (world_.chance.Permille(500) || winding_down_) {
    SendRelease();
  } else {
    EndEpisode();
  }
}

void RawClient::SendRelease() {
  stage_ = Stage::kReleasing;
  // Whoever leaves cancels the call as well, or not: the connection may be gone.
  if (operation_ != nullptr && world_.chance.Permille(500)) operation_->Cancel();
  operation_ = nullptr;
  caller_->Call(AnyChannel(), ReleaseCommand{.key = spec_.key, .lease_id = spec_.lease_id},
                kCallLimit, {.on_end = [this, episode = episode_](const Ending& ending) {
                  if (episode == episode_) OnReleaseEnded(ending);
                }});
}

void RawClient::OnReleaseEnded(const Ending& ending) {
  const auto* refused = ending.As<Refused>();
  if (ending.outcome == nullptr || (refused != nullptr && Unavailable(*refused))) {
    In(world_.chance.Skewed(milliseconds(10), seconds(1)), &RawClient::SendRelease);
  } else {
    EndEpisode();
  }
}

void RawClient::EndEpisode() {
  stage_ = Stage::kIdle;
  operation_ = nullptr;
  if (!winding_down_ && spec_.expire.has_value() &&
      world_.chance.Permille(plan_.duplicates_permille)) {
    SendDuplicate();
  }
  ++episode_;
  Rest();
}

// A request that has been on its way for too long. Whatever comes of it, nobody will
// clean up after it.
void RawClient::SendDuplicate() {
  caller_->Call(AnyChannel(), AcquireCommand{.spec = spec_, .timeout = timeout_}, kCallLimit,
                {.on_end = [](const Ending&) {}});
}

}  // namespace holdfast::simulation
