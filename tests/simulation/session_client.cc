#include "tests/simulation/session_client.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "clients/cpp/core/lease_times.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kShortestExpire = milliseconds(50);
constexpr Duration kLongestTimeout = seconds(15);

// Of the holders of leases with a max_hold, so many do not give them back in time.
constexpr unsigned kHangsPermille = 300;

// Nobody hangs for longer than this.
constexpr Duration kLongestHang = seconds(4);

}  // namespace

bool SessionClient::Unavailable(const Refused& refused) {
  return refused.reason == Refusal::kStarting || refused.reason == Refusal::kStopping ||
         refused.reason == Refusal::kCancelled || refused.reason == Refusal::kSessionReplaced;
}

SessionClient::SessionClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew)
    : Client(world.recorder),
      world_(world),
      plan_(plan),
      process_(world.timeline, skew),
      local_(world.chance.Permille(500)),
      caller_(
          std::make_unique<Caller>(world_.next_number(), process_, world.network, world.recorder)),
      slots_(kSlots) {
  for (int i = 0; i < 2; ++i) channels_.push_back(world_.network.AddChannel(process_, local_));
}

void SessionClient::Start() {
  session_id_ = "session-" + std::to_string(number());
  stream_number_ = 0;
  Attach();
  for (std::size_t i = 0; i < kSlots; ++i) Rest(i);
}

void SessionClient::WindDown() { winding_down_ = true; }

bool SessionClient::idle() const {
  return winding_down_ && std::all_of(slots_.begin(), slots_.end(),
                                      [](const Slot& slot) { return slot.stage == Stage::kIdle; });
}

void SessionClient::DieAndRestart() {
  // For the history, to which only who runs can leave a lease.
  if (process_.stopped()) world_.recorder.Record(number(), 0, history::ClientContinued{});
  for (const Slot& slot : slots_) {
    if (!slot.spec.bound || slot.stage != Stage::kHolding || !local_) continue;
    // Its kernel does it.
    RecordReleased(slot, /*dies=*/true);
    if (attached_ && stream_->connected() && !slot.detaching)
      ExpectGone(slot.spec.lease_id, kEndShows, "a bound lease outlives its holder");
  }
  process_.Die();
  world_.network.ClientDied(process_);
  world_.recorder.Record(number(), 0, history::ClientStopped{});
  ++life_of_stream_;
  stream_ = nullptr;
  attached_ = reattaching_ = renewing_ = false;
  pending_.clear();
  received_ = acknowledged_ = 0;
  calls_elsewhere_ = 0;
  for (Slot& slot : slots_) {
    slot.stage = Stage::kIdle;
    ++slot.episode;
  }
  caller_ =
      std::make_unique<Caller>(world_.next_number(), process_, world_.network, world_.recorder);
  process_.After(world_.chance.Skewed(milliseconds(50), seconds(3)), [this] { Start(); });
}

// What its end leaves to the server: the lease does not count any more, and may go.
void SessionClient::RecordReleased(const Slot& slot, bool dies) {
  const std::uint64_t recorded = NextRecorded();
  world_.recorder.Record(
      number(), recorded,
      history::ReleaseCalled{.key = slot.spec.key, .lease_id = slot.spec.lease_id});
  if (!dies) world_.recorder.Record(number(), recorded, history::Unanswered{});
}

// Unless the server is stopped or dies meanwhile, which puts it off.
void SessionClient::ExpectGone(const std::string& lease_id, Duration within, const char* what) {
  const Server& server = world_.network.server();
  const auto stops = world_.network.server().stops();
  world_.timeline.After(within, [this, lease_id, what, &server, stops, life = server.life()] {
    const bool same = server.serving() && server.life() == life && server.stops() == stops;
    if (same && world_.disk.Holds(lease_id)) {
      world_.recorder.Fail(std::string(what) + ": " + lease_id);
    }
  });
}

// --- The slots -------------------------------------------------------------------------

void SessionClient::In(std::size_t index, Duration span, void (SessionClient::*what)(std::size_t)) {
  process_.After(span, [this, index, what, episode = slots_[index].episode] {
    if (slots_[index].episode == episode) (this->*what)(index);
  });
}

void SessionClient::Rest(std::size_t index) {
  if (winding_down_) return;
  In(index, world_.chance.Between(milliseconds(1), plan_.longest_idle), &SessionClient::Begin);
}

void SessionClient::Begin(std::size_t index) {
  if (winding_down_) return;
  Chance& chance = world_.chance;
  Slot& slot = slots_[index];
  const std::uint64_t episode = ++slot.episode;
  slot = {.stage = Stage::kAcquiring, .episode = episode};
  slot.spec = {.key = chance.Pick(plan_.keys),
               .lease_id = "kept-" + std::to_string(number()) + "-" + std::to_string(index) + "-" +
                           std::to_string(episode),
               .owner = "client-" + std::to_string(number())};
  if (!chance.Permille(plan_.no_expire_permille)) {
    slot.spec.expire = chance.Skewed(kShortestExpire, plan_.longest_expire);
    slot.spec.bound = chance.Permille(500);
    // A lock that nobody else wants, for long, so that it often holds several.
    slot.alone = chance.Permille(500);
    if (slot.alone) {
      slot.spec.key = "own-" + std::to_string(number()) + "-" + std::to_string(index);
      slot.spec.expire = chance.Between(kShortestExpire, plan_.longest_expire);
    }
  }
  if (chance.Permille(plan_.max_hold_permille)) {
    slot.spec.max_hold = chance.Skewed(milliseconds(100), plan_.longest_hold * 2);
    slot.hangs = chance.Permille(kHangsPermille);
  }
  slot.timeout = chance.Permille(plan_.tries_permille)
                     ? Duration::zero()
                     : chance.Skewed(milliseconds(20), kLongestTimeout);
  slot.reports_queue = slot.timeout > Duration::zero() && chance.Permille(500);
  if (stream_ != nullptr) {
    std::vector<StreamOperation> operations;
    operations.push_back(Acquire(index));
    // Both in one message, as those do who do not wait for answers.
    if (chance.Permille(plan_.overtakes_permille)) operations.push_back(Release(index));
    Send(std::move(operations));
  }
  if (slot.timeout > Duration::zero() && chance.Permille(plan_.impatient_permille)) {
    In(index, chance.Between(Duration(1), slot.timeout), &SessionClient::GiveBack);
  }
}

StreamOperation SessionClient::Acquire(std::size_t index) {
  Slot& slot = slots_[index];
  const std::uint64_t recorded = NextRecorded();
  world_.recorder.Record(number(), recorded,
                         history::AcquireCalled{.key = slot.spec.key,
                                                .lease_id = slot.spec.lease_id,
                                                .expire = slot.spec.expire,
                                                .timeout = slot.timeout,
                                                .max_hold = slot.spec.max_hold});
  const Duration sent = process_.LocalNow();
  if (!slot.first_sent.has_value()) slot.first_sent = sent;
  return {.id = Expect({.kind = Pending::Kind::kAcquire,
                        .slot = index,
                        .episode = slot.episode,
                        .recorded = recorded,
                        .sent = sent}),
          .body = AcquireCommand{
              .spec = slot.spec, .timeout = slot.timeout, .report_queue = slot.reports_queue}};
}

StreamOperation SessionClient::Release(std::size_t index) {
  Slot& slot = slots_[index];
  slot.stage = Stage::kReleasing;
  const std::uint64_t recorded = NextRecorded();
  world_.recorder.Record(
      number(), recorded,
      history::ReleaseCalled{.key = slot.spec.key, .lease_id = slot.spec.lease_id});
  return {.id = Expect({.kind = Pending::Kind::kRelease,
                        .slot = index,
                        .episode = slot.episode,
                        .recorded = recorded,
                        .sent = process_.LocalNow()}),
          .body = ReleaseCommand{.key = slot.spec.key, .lease_id = slot.spec.lease_id}};
}

void SessionClient::OnAcquireEnded(const Pending& pending, const StreamOutcome& told) {
  const Outcome& outcome = told.outcome;
  Slot& slot = slots_[pending.slot];
  const std::size_t event = world_.recorder.Record(number(), pending.recorded,
                                                   DescribeEnd(outcome, world_.recorder.now()));
  if (slot.episode != pending.episode) return;
  if (slot.stage == Stage::kReleasing) {
    const auto* refused = std::get_if<Refused>(&outcome);
    // It acknowledges the end, and so must not name the id any more.
    if (refused != nullptr && !Unavailable(*refused)) End(pending.slot);
    return;
  }
  if (slot.stage != Stage::kAcquiring) return;
  if (const auto* granted = std::get_if<Granted>(&outcome)) {
    slot.granted_by = told.number;
    slot.joined = true;
    slot.deadline = DeadlineFrom(pending.sent, granted->lease.elapsed, granted->lease.remaining);
    Hold(pending.slot, granted->lease, event);
  } else if (const auto* refused = std::get_if<Refused>(&outcome);
             refused != nullptr && Unavailable(*refused)) {
    Drop(/*close=*/true);
  } else {
    End(pending.slot);
  }
}

void SessionClient::Hold(std::size_t index, const LeaseView& lease, std::size_t event) {
  Slot& slot = slots_[index];
  Chance& chance = world_.chance;
  slot.stage = Stage::kHolding;
  slot.fencing_token = lease.lease.fencing_token;
  world_.recorder.SetValidUntil(event, process_.TrueTime(slot.deadline));
  WatchDeadline(index);
  RenewSoon();
  if (slot.hangs) return;
  In(index,
     slot.alone ? chance.Between(milliseconds(1), 2 * plan_.longest_hold)
                : chance.Skewed(milliseconds(1), plan_.longest_hold),
     &SessionClient::GiveBack);
  if (chance.Permille(100)) {
    In(index, chance.Skewed(milliseconds(1), plan_.longest_hold), &SessionClient::Detach);
  } else if (chance.Permille(100)) {
    In(index, chance.Skewed(milliseconds(1), plan_.longest_hold), &SessionClient::UseElsewhere);
  }
}

Duration SessionClient::DeadlineFrom(Duration sent, Duration elapsed,
                                     std::optional<Duration> remaining) const {
  return core::ComputeLeaseTimes(MonotonicTime(sent), elapsed, remaining)
      .deadline.time_since_epoch();
}

void SessionClient::WatchDeadline(std::size_t index) {
  if (slots_[index].deadline == Duration::max()) return;
  process_.At(slots_[index].deadline, [this, index, episode = slots_[index].episode] {
    Slot& slot = slots_[index];
    if (slot.episode != episode || slot.stage != Stage::kHolding) return;
    if (process_.LocalNow() < slot.deadline) {
      WatchDeadline(index);  // It was renewed.
    } else {
      Lose(index);
    }
  });
}

void SessionClient::Lose(std::size_t index) {
  Slot& slot = slots_[index];
  if (slot.lost) return;
  slot.lost = true;
  world_.recorder.Record(number(), 0,
                         history::Lost{.key = slot.spec.key, .lease_id = slot.spec.lease_id});
  if (slot.hangs && !winding_down_) {
    In(index, kLongestHang, &SessionClient::GiveBack);
  } else {
    GiveBack(index);
  }
}

void SessionClient::GiveBack(std::size_t index) {
  Slot& slot = slots_[index];
  if (slot.stage != Stage::kHolding && slot.stage != Stage::kAcquiring) return;
  if (slot.used_elsewhere) {
    slot.stage = Stage::kElsewhere;
    ReleaseElsewhere(index);
    return;
  }
  if (stream_ == nullptr) {
    slot.stage = Stage::kReleasing;  // With the next one.
    RecordReleased(slot);
    return;
  }
  std::vector<StreamOperation> operations;
  operations.push_back(Release(index));
  Send(std::move(operations));
}

void SessionClient::OnReleaseEnded(const Pending& pending, const Outcome& outcome) {
  world_.recorder.Record(number(), pending.recorded, DescribeEnd(outcome, world_.recorder.now()));
  if (slots_[pending.slot].episode == pending.episode) End(pending.slot);
}

void SessionClient::End(std::size_t index) {
  Slot& slot = slots_[index];
  slot.stage = Stage::kIdle;
  // A request that was on its way for too long; of an id that is remembered, because it was
  // used outside of the session before its end was acknowledged.
  if (slot.used_elsewhere && slot.spec.expire.has_value() && !winding_down_) {
    caller_->Call(channels_.front(), AcquireCommand{.spec = slot.spec}, kCallLimit,
                  {.on_end = [](const Ending&) {}});
  }
  ++slot.episode;
  Rest(index);
}

}  // namespace holdfast::simulation
