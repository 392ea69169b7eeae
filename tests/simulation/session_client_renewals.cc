// The part of the simulated client of sessions that keeps its leases, in the session and
// outside of it.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <variant>

#include "tests/simulation/session_client.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

// --- Renewing all ----------------------------------------------------------------------

void SessionClient::RenewSoon() {
  Duration shortest = Duration::max();
  for (const Slot& slot : slots_) {
    if (slot.stage != Stage::kHolding) continue;
    shortest = std::min(shortest, slot.spec.expire.value_or(seconds(5)));
  }
  if (renewing_ || shortest == Duration::max()) return;
  renewing_ = true;
  process_.After(world_.chance.Between(shortest / 4, shortest / 2), [this] {
    renewing_ = false;
    RenewAll();
    RenewSoon();
  });
}

void SessionClient::RenewAll() {
  if (stream_ == nullptr) return;
  if (calls_elsewhere_ == 0) acknowledged_ = received_;
  Pending pending{.kind = Pending::Kind::kRenewAll, .sent = process_.LocalNow()};
  for (std::size_t i = 0; i < kSlots; ++i) {
    const Slot& slot = slots_[i];
    if (slot.stage != Stage::kHolding || slot.detaching) continue;
    if (slot.granted_by > acknowledged_) continue;
    const std::uint64_t recorded = NextRecorded();
    world_.recorder.Record(
        number(), recorded,
        history::RenewCalled{.key = slot.spec.key, .lease_id = slot.spec.lease_id});
    pending.renewals.push_back({.slot = i, .episode = slot.episode, .recorded = recorded});
  }
  std::vector<StreamOperation> operations;
  operations.push_back({.id = Expect(std::move(pending)), .body = RenewAllCommand{}});
  Send(std::move(operations));
}

void SessionClient::OnRenewedAll(const Pending& pending) {
  for (const Renewal& renewal : pending.renewals) {
    Slot& slot = slots_[renewal.slot];
    const bool holds = slot.episode == renewal.episode && slot.stage == Stage::kHolding &&
                       process_.LocalNow() < slot.deadline;
    if (!holds) {
      world_.recorder.Record(number(), renewal.recorded, history::Unanswered{});
      continue;
    }
    Duration deadline = DeadlineFrom(pending.sent, {}, slot.spec.expire);
    if (slot.spec.max_hold.has_value()) {
      deadline = std::min(deadline, DeadlineFrom(*slot.first_sent, {}, slot.spec.max_hold));
    }
    slot.deadline = std::max(slot.deadline, deadline);
    const std::size_t event = world_.recorder.Record(
        number(), renewal.recorded, history::Renewed{.fencing_token = slot.fencing_token});
    world_.recorder.SetValidUntil(event, process_.TrueTime(slot.deadline));
  }
}

// --- Outside of the session ------------------------------------------------------------

// Asks for what it holds once more, over a call of its own, which the network may repeat.
void SessionClient::UseElsewhere(std::size_t index) {
  Slot& slot = slots_[index];
  if (slot.stage != Stage::kHolding) return;
  if (slot.detaching || slot.used_elsewhere) return;
  slot.used_elsewhere = true;
  ++calls_elsewhere_;
  caller_->Call(channels_.front(), AcquireCommand{.spec = slot.spec}, kCallLimit,
                {.on_end = [this, index, episode = slot.episode](const Ending& ending) {
                  if (ending.outcome != nullptr) {
                    --calls_elsewhere_;
                  } else if (slots_[index].episode == episode) {
                    // It may arrive yet: nothing is acknowledged any more.
                    GiveBack(index);
                  }
                }});
}

void SessionClient::Detach(std::size_t index) {
  Slot& slot = slots_[index];
  if (slot.stage != Stage::kHolding || stream_ == nullptr || slot.used_elsewhere) return;
  slot.detaching = true;
  std::vector<StreamOperation> operations;
  operations.push_back(
      {.id = Expect({.kind = Pending::Kind::kDetach,
                     .slot = index,
                     .episode = slot.episode,
                     .sent = process_.LocalNow()}),
       .body = DetachCommand{.key = slot.spec.key, .lease_id = slot.spec.lease_id}});
  Send(std::move(operations));
}

void SessionClient::OnDetached(const Pending& pending, const Outcome& outcome) {
  Slot& slot = slots_[pending.slot];
  if (slot.episode != pending.episode || slot.stage != Stage::kHolding) return;
  if (!std::holds_alternative<Detached>(outcome)) return;
  slot.stage = Stage::kElsewhere;
  slot.used_elsewhere = true;
  // It counts on it still: what the session's renewals have promised stays promised.
  process_.At(std::min(slot.deadline, process_.LocalNow() + plan_.longest_hold),
              [this, index = pending.slot, episode = pending.episode] {
                if (slots_[index].episode == episode) ReleaseElsewhere(index);
              });
}

void SessionClient::ReleaseElsewhere(std::size_t index) {
  const Slot& slot = slots_[index];
  caller_->Call(channels_.front(),
                ReleaseCommand{.key = slot.spec.key, .lease_id = slot.spec.lease_id}, kCallLimit,
                {.on_end = [this, index, episode = slot.episode](const Ending& ending) {
                  if (slots_[index].episode != episode) return;
                  const auto* refused = ending.As<Refused>();
                  if (ending.outcome == nullptr || (refused != nullptr && Unavailable(*refused))) {
                    In(index, milliseconds(100), &SessionClient::ReleaseElsewhere);
                  } else {
                    End(index);
                  }
                }});
}

// Of what it holds it does not list one: the server ends it, if it knew the session.
void SessionClient::ForgetOne() {
  if (!world_.chance.Permille(plan_.forgets_permille)) return;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[i];
    if (slot.stage != Stage::kHolding || !slot.spec.expire.has_value()) continue;
    if (slot.joined && !slot.used_elsewhere) forgotten_ = slot.spec.lease_id;
    RecordReleased(slot);
    End(i);
    return;
  }
}

}  // namespace holdfast::simulation
