#include "tests/fuzz/engine_world.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "tests/fuzz/engine_trace.h"
#include "tests/fuzz/require.h"

namespace holdfast::fuzz {
namespace {

// The lease_id in an owner of this world.
std::string IdOf(const std::string& owner) { return owner.substr(0, owner.find(' ')); }

template <typename CommandKind>
bool HasCommandFor(const std::vector<Command>& commands, const std::string& lease_id) {
  return std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
    const auto* found = std::get_if<CommandKind>(&command.body);
    return found != nullptr && found->lease_id == lease_id;
  });
}

}  // namespace

Principal PrincipalOf(const std::string& lease_id) { return Principal("user of " + lease_id); }

std::string OwnerOf(const std::string& lease_id, const std::string& rest) {
  return lease_id + " " + rest;
}

EngineWorld::EngineWorld(const Limits& limits, std::vector<std::string> keys)
    : limits_(limits), keys_(std::move(keys)), records_(limits) {
  Start();
}

void EngineWorld::Start() {
  store_ = std::make_unique<WatchedStore>(disk_);
  records_.OnRestart(*store_, now_.monotonic);
  runner_ = std::make_unique<TurnRunner>(limits_, *store_);
  const absl::Status status = runner_->Load(now_);
  Require(status.ok(), "the engine starts on what it has committed", status.ToString());
  draining_ = false;
  CheckStats();
}

void EngineWorld::Crash() {
  TraceEvent("crash", now_.monotonic);
  runner_ = nullptr;
  store_ = nullptr;
  calls_.Clear();
  parked_.clear();
  queues_.clear();
  told_grants_.clear();
  Start();
  Look();
}

void EngineWorld::FailNextCommit(MemoryDisk::Failure failure) {
  TraceEvent("the next commit will fail", now_.monotonic);
  planned_failure_ = failure;
  disk_->FailNextCommit(absl::InternalError("the disk is broken"), failure);
}

void EngineWorld::Advance(Duration step) {
  now_.monotonic += step;
  now_.wall = WallTime{static_cast<std::int64_t>(now_.wall) + step.count()};
}

void EngineWorld::Prepare(const std::vector<Command>& commands) {
  waited_before_.clear();
  asked_.clear();
  for (const std::string& lease_id : calls_.WaitingIds()) {
    waited_before_[lease_id] = calls_.WaitsOf(lease_id);
  }
  for (const Command& command : commands) {
    calls_.Open(command, now_.monotonic);
    if (const auto* undelivered = std::get_if<UndeliveredCommand>(&command.body)) {
      records_.OnReport(*undelivered, now_.monotonic);
      const auto told = std::find_if(told_grants_.begin(), told_grants_.end(),
                                     [&](const UndeliveredCommand& grant) {
                                       return grant.fencing_token == undelivered->fencing_token;
                                     });
      if (told != told_grants_.end()) told_grants_.erase(told);
    }
    if (std::holds_alternative<DrainCommand>(command.body)) draining_ = true;
  }
  for (const auto& [id, call] : calls_.open()) {
    if (call.acquire() == nullptr) continue;
    // One that waits comes before one that is refused because it differs.
    asked_.emplace(call.acquire()->spec.lease_id, *call.acquire());
  }
}

void EngineWorld::Turn(const std::vector<Command>& commands, Duration telling) {
  RunTurn(commands);
  Look();
  Advance(telling);
  runner_->Finished(now_.monotonic);
}

void EngineWorld::RunTurn(const std::vector<Command>& commands) {
  TraceTurn(commands, now_.monotonic);
  Prepare(commands);
  std::vector<Delivery> deliveries;
  const absl::Status status = runner_->Run(commands, now_, deliveries);
  const RecordBatch batch = store_->TakeBatch();
  if (!status.ok()) {
    Require(deliveries.empty(), "nothing is told of a turn that was not committed");
    const auto failure = std::exchange(planned_failure_, std::nullopt);
    Require(failure.has_value(), "a commit fails only if the disk does", status.ToString());
    if (failure == MemoryDisk::Failure::kAllWritten) {
      records_.Apply(batch, {.now = now_,
                             .commands = commands,
                             .check_grant = [](const LeaseSpec&) {},
                             .check_waiter_end = [](const std::string&, EndCause) {}});
    }
    Crash();
    return;
  }
  TraceDeliveries(deliveries);
  CheckTurn(commands, deliveries, batch);
  runner_->Finished(now_.monotonic);
  Require(runner_->TimeToNextTurn(now_.monotonic) > Duration::zero(),
          "the engine does not ask to be woken at once");
}

void EngineWorld::CheckTurn(const std::vector<Command>& commands,
                            const std::vector<Delivery>& deliveries, const RecordBatch& batch) {
  if (!batch.empty()) last_change_ = now_.monotonic;
  calls_.Tell(deliveries, now_.monotonic);
  std::vector<const LeaseView*> renewed_too_soon;  // Granted in this turn.
  for (const Delivery& delivery : deliveries) {
    if (const auto* renewed = std::get_if<Renewed>(&delivery.outcome)) {
      if (!records_.OnRenewed(renewed->lease, now_.monotonic)) {
        renewed_too_soon.push_back(&renewed->lease);
      }
    } else if (const auto* granted = std::get_if<Granted>(&delivery.outcome)) {
      records_.OnGranted(granted->lease);
    }
  }
  records_.Apply(batch, {.now = now_,
                         .commands = commands,
                         .check_grant = [&](const LeaseSpec& spec) { CheckGrant(spec); },
                         .check_waiter_end =
                             [&](const std::string& lease_id, EndCause cause) {
                               CheckWaiterEnd(lease_id, cause, commands);
                             }});
  for (const LeaseView* lease : renewed_too_soon) {
    const std::string& lease_id = lease->lease.spec.lease_id;
    Require(records_.OnRenewed(*lease, now_.monotonic) || records_.EndedNow(lease_id),
            "what is renewed is held", lease_id);
  }
  for (const Delivery& delivery : deliveries) {
    const auto* granted = std::get_if<Granted>(&delivery.outcome);
    if (granted == nullptr) continue;
    records_.CheckGranted(granted->lease);
    const LeaseRecord& lease = granted->lease.lease;
    told_grants_.push_back({.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token});
  }
  UpdateParked();
  calls_.CheckAnswered(now_.monotonic, draining_);
  CheckWatches();
  CheckStats();
}

// It was asked for, and nobody is overtaken who has been ready all the time.
void EngineWorld::CheckGrant(const LeaseSpec& spec) const {
  const auto asked = asked_.find(spec.lease_id);
  Require(asked != asked_.end() && asked->second.spec == spec, "a grant has been asked for",
          spec.lease_id);
  const auto queue = queues_.find(spec.key);
  if (queue == queues_.end()) return;
  for (const std::string& ahead : queue->second) {
    if (ahead == spec.lease_id) return;
    const auto before = waited_before_.find(ahead);
    if (before == waited_before_.end()) continue;
    const std::set<CallId> still = calls_.WaitsOf(ahead);
    for (const CallId call : before->second) {
      Require(!still.contains(call), "waiters are granted in their order",
              spec.lease_id + " before " + ahead);
    }
  }
}

void EngineWorld::CheckWaiterEnd(const std::string& lease_id, EndCause cause,
                                 const std::vector<Command>& commands) const {
  switch (cause) {
    case EndCause::kReleased:
      // Also of an id that nobody has heard of.
      Require(HasCommandFor<ReleaseCommand>(commands, lease_id), "who ends a wait names it");
      return;
    case EndCause::kTimedOut: {
      const auto asked = asked_.find(lease_id);
      Require(asked != asked_.end() && calls_.WaitsOf(lease_id).empty(),
              "a waiter times out with its last call", lease_id);
      return;
    }
    case EndCause::kCancelled: {
      const auto parked = parked_.find(lease_id);
      Require(parked != parked_.end() && now_.monotonic - parked->second >= limits_.reattach_window,
              "a waiter without a call keeps its place for the window", lease_id);
      return;
    }
    case EndCause::kExpired:
    case EndCause::kForced:
      Broken("a waiter has no lease to lapse or to force");
  }
}

void EngineWorld::UpdateParked() {
  if (draining_) parked_.clear();
  for (const std::string& lease_id : calls_.cancelled_now()) {
    if (!draining_) parked_.emplace(lease_id, now_.monotonic);
  }
  std::erase_if(parked_, [&](const auto& entry) {
    const std::string& lease_id = entry.first;
    return records_.EndedNow(lease_id) || records_.GrantedNow(lease_id) ||
           !calls_.WaitsOf(lease_id).empty();
  });
}

void EngineWorld::CheckWatches() const {
  for (const auto& [id, call] : calls_.open()) {
    if (call.watch() == nullptr || !call.snapshot_complete) continue;
    std::map<std::string, std::uint64_t> held;
    for (const auto& [lease_id, lease] : records_.leases()) {
      if (call.watch()->filter.Matches(lease.record.spec)) {
        held[lease.record.spec.key] = lease.record.fencing_token;
      }
    }
    Require(call.picture == held, "a watcher sees what is held");
  }
}

void EngineWorld::CheckStats() const {
  const TableStats stats = runner_->table().stats();
  const std::set<std::string> waiting = calls_.WaitingIds();
  std::size_t open_calls = 0;
  std::size_t timers = records_.TimersNeeded() + parked_.size();
  for (const auto& [id, call] : calls_.open()) {
    open_calls += call.acquire() != nullptr ? 1 : 0;
    timers += call.deadline().has_value() ? 1 : 0;
  }
  Require(stats.leases == records_.leases().size(), "the table has the leases that are stored");
  Require(stats.ended_ids == records_.ended().size(),
          "the table has the ended ids that are stored");
  Require(stats.open_calls == open_calls, "the table has the calls that wait");
  Require(stats.watches == calls_.Watches(), "the table has the calls that watch");
  Require(stats.waiters == waiting.size() + parked_.size(),
          "the table has those who wait or are parked");
  Require(stats.waiters <= limits_.max_waiters, "no more wait than max_waiters");
  Require(stats.open_calls <= limits_.max_open_waits, "no more calls wait than max_open_waits");
  for (const std::string& lease_id : waiting) {
    Require(calls_.WaitsOf(lease_id).size() <= Waiter::kMaxCalls, "a waiter has a few calls");
  }
  Require(stats.timers == timers, "there is a timer for each that needs one");
}

void EngineWorld::Look() {
  if (draining_) return;
  std::vector<Command> commands;
  for (const std::string& key : keys_) {
    commands.push_back({.call = NextCall(), .body = GetCommand{key}});
  }
  Prepare(commands);
  std::vector<Delivery> deliveries;
  const absl::Status status = runner_->Run(commands, now_, deliveries);
  const RecordBatch batch = store_->TakeBatch();
  Require(status.ok() && batch.empty(), "what was due has been done in the turn before");
  CheckTurn(commands, deliveries, batch);
  runner_->Finished(now_.monotonic);
  std::size_t locks = 0;
  for (const Delivery& delivery : deliveries) {
    const auto* shown = std::get_if<Shown>(&delivery.outcome);
    if (shown == nullptr) continue;
    CheckView(shown->lock);
    locks += shown->lock.holders.size() + shown->lock.queue_length > 0 ? 1 : 0;
  }
  Require(runner_->table().stats().locks == locks, "a lock exists while it is held or waited for");
}

void EngineWorld::CheckView(const LockView& view) {
  const auto stored =
      std::find_if(records_.leases().begin(), records_.leases().end(),
                   [&](const auto& entry) { return entry.second.record.spec.key == view.key; });
  Require(view.holders.size() == (stored == records_.leases().end() ? 0u : 1u),
          "what is seen of a lock is what is stored", view.key);
  for (const HolderView& holder : view.holders) {
    const LeaseRecord& record = stored->second.record;
    Require(holder.fencing_token == record.fencing_token && holder.owner == record.spec.owner &&
                holder.tags == record.spec.tags && holder.expire == record.spec.expire &&
                holder.principal == PrincipalOf(record.spec.lease_id),
            "a holder is seen as it is stored", view.key);
  }
  Require(view.waiters.size() == view.queue_length, "a short queue is shown whole");

  std::vector<std::string>& queue = queues_[view.key];
  std::vector<std::string> seen;
  for (const WaiterView& waiter : view.waiters) {
    const std::string lease_id = IdOf(waiter.owner);
    seen.push_back(lease_id);
    Require(waiter.position == seen.size(), "places are numbered in order");
    Require(waiter.principal == PrincipalOf(lease_id), "a waiter is seen with who asked", lease_id);
    Require(waiter.parked == parked_.contains(lease_id), "a waiter without a call is parked",
            lease_id);
    Require(waiter.parked != !calls_.WaitsOf(lease_id).empty(),
            "a waiter with a call is not parked");
    Require(!view.holders.empty() || waiter.parked, "nobody waits for a free lock", view.key);
  }
  // Who was in the queue before and still is has not been overtaken.
  std::vector<std::string> stayed;
  for (const std::string& lease_id : queue) {
    if (std::find(seen.begin(), seen.end(), lease_id) != seen.end()) stayed.push_back(lease_id);
  }
  Require(std::equal(stayed.begin(), stayed.end(), seen.begin(),
                     seen.begin() + static_cast<std::ptrdiff_t>(stayed.size())),
          "who waits keeps its place", view.key);
  queue = std::move(seen);
}

void EngineWorld::Rest(Duration span, int most) {
  const Instant end = now_.monotonic + span;
  for (; now_.monotonic < end && most > 0; --most) {
    const Duration step = runner_->TimeToNextTurn(now_.monotonic);
    Advance(std::min(step, end - now_.monotonic));
    RunTurn({});
  }
  Look();
}

void EngineWorld::CheckPlaces() const {
  for (const auto& [key, queue] : queues_) {
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const CallId id : calls_.WaitsOf(queue[i])) {
        const CallChecker::Call& call = calls_.open().at(id);
        Require(!call.told_place_at.has_value() || call.place == i + 1,
                "who waits is told its place in the end", queue[i]);
      }
    }
  }
}

void EngineWorld::CheckNothingOverdue() const {
  for (const auto& [lease_id, lease] : records_.leases()) {
    Require(now_.monotonic < lease.lapses, "a lease that is not renewed lapses", lease_id);
    Require(!lease.undelivered(), "a grant that nobody got is taken back", lease_id);
  }
}

void EngineWorld::Settle() {
  // Turns enough for the longest of the rests below.
  constexpr int kTurns = 100;
  if (draining_) Crash();
  // Brings about a failure that is still to come: the id is unknown, so there is
  // something to commit.
  Turn({{.call = NextCall(), .body = ReleaseCommand{.key = keys_.front(), .lease_id = "nobody"}}});

  // The news of a change goes round within two seconds.
  while (now_.monotonic - last_change_ < std::chrono::seconds(3)) {
    const Instant before = last_change_;
    Rest(std::chrono::seconds(3), kTurns);
    if (last_change_ == before) CheckPlaces();
    if (last_change_ != before && records_.leases().empty()) break;
  }

  std::vector<Command> leave;
  for (const auto& [id, call] : calls_.open()) {
    leave.push_back({.call = {}, .body = CancelCommand{id}});
  }
  Turn(leave);
  Rest(limits_.reattach_window + std::chrono::seconds(1), kTurns);
  Require(calls_.open().empty() && parked_.empty(), "who has left is gone");
  CheckNothingOverdue();

  std::vector<Command> force;
  for (const std::string& key : keys_) {
    force.push_back({.call = NextCall(), .body = ForceReleaseCommand{.key = key}});
  }
  Turn(force);
  Require(records_.leases().empty() && runner_->table().stats().locks == 0 &&
              runner_->table().stats().timers == 0,
          "nothing is left of locks that nobody wants");
  Advance(std::chrono::minutes(6));
  Turn({});
  Require(records_.ended().empty(), "ids that ended long ago are forgotten");
}

}  // namespace holdfast::fuzz
