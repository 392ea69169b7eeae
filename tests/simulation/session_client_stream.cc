// The part of the simulated client of sessions that is about its stream.

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

// So often the client comes back late, perhaps after the reattach window.
constexpr unsigned kLateReattachPermille = 200;

}  // namespace

void SessionClient::Attach() {
  reattaching_ = false;
  ++life_of_stream_;
  received_ = acknowledged_ = 0;
  attached_ = false;
  forgotten_.reset();
  ForgetOne();
  AttachCommand attach{
      .session_id = session_id_, .stream_number = ++stream_number_, .local = local_, .more = true};
  std::vector<ListedLease> held;
  for (const Slot& slot : slots_) {
    if (slot.stage == Stage::kHolding) {
      held.push_back({.key = slot.spec.key, .lease_id = slot.spec.lease_id});
    }
  }
  for (Slot& slot : slots_) {
    slot.granted_by = 0;
    slot.joined = false;  // Until the server has the whole list.
  }
  // The rest comes on the last page.
  const std::size_t on_first = held.empty() ? 0 : world_.chance.Below(held.size() + 1);
  const auto middle = held.begin() + static_cast<std::ptrdiff_t>(on_first);
  attach.leases.assign(held.begin(), middle);
  const std::uint64_t operation =
      Expect({.kind = Pending::Kind::kAttach, .sent = process_.LocalNow()});
  const auto current = [this, life = life_of_stream_] { return life == life_of_stream_; };
  stream_ =
      world_.network.OpenStream(world_.chance.Pick(channels_), std::move(attach), operation,
                                {.on_outcomes =
                                     [this, current](const std::vector<StreamOutcome>& outcomes) {
                                       if (current()) OnOutcomes(outcomes);
                                     },
                                 .on_ended =
                                     [this, current](Refusal why) {
                                       if (current()) OnEnded(why);
                                     },
                                 .on_broken =
                                     [this, current] {
                                       if (current()) Drop(/*close=*/false);
                                     }});
  std::vector<StreamOperation> operations;
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (slots_[i].stage == Stage::kAcquiring) operations.push_back(Acquire(i));
  }
  operations.push_back(
      {.id = operation, .body = AttachPageCommand{.leases = {middle, held.end()}}});
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (slots_[i].stage == Stage::kReleasing) operations.push_back(Release(i));
  }
  Send(std::move(operations));
  RenewSoon();
}

void SessionClient::Reattach() {
  if (reattaching_) return;
  reattaching_ = true;
  const Duration longest =
      world_.chance.Permille(kLateReattachPermille) ? seconds(3) : milliseconds(300);
  process_.After(world_.chance.Skewed(milliseconds(1), longest), [this] { Attach(); });
}

// Lets go of the stream. Its bound leases would end if it closed a local one.
void SessionClient::Drop(bool close) {
  if (stream_ != nullptr && close) {
    if (local_) {
      stream_->Abandon();
    } else {
      stream_->Close();
    }
  }
  ++life_of_stream_;
  stream_ = nullptr;
  attached_ = false;
  for (const auto& [operation, pending] : std::exchange(pending_, {})) {
    if (pending.recorded != 0) {
      world_.recorder.Record(number(), pending.recorded, history::Unanswered{});
    }
    for (const Renewal& renewal : pending.renewals) {
      world_.recorder.Record(number(), renewal.recorded, history::Unanswered{});
    }
    Slot& slot = slots_[pending.slot];
    if (slot.episode != pending.episode) continue;
    // Whether it has left the session, it does not know: it lists it no more, and gives it
    // back.
    if (pending.kind == Pending::Kind::kDetach && slot.stage == Stage::kHolding) {
      GiveBack(pending.slot);
    }
  }
  Reattach();
}

void SessionClient::Send(std::vector<StreamOperation> operations) {
  if (stream_ == nullptr) return;
  std::vector<StreamOperation> message;
  if (calls_elsewhere_ == 0) acknowledged_ = received_;
  message.push_back({.body = AcknowledgeCommand{acknowledged_}});
  std::move(operations.begin(), operations.end(), std::back_inserter(message));
  stream_->Send(std::move(message));
}

std::uint64_t SessionClient::Expect(Pending pending) {
  const std::uint64_t operation = ++last_operation_;
  const bool waits =
      pending.kind == Pending::Kind::kAcquire && slots_[pending.slot].timeout > Duration::zero();
  pending_.emplace(operation, std::move(pending));
  if (!waits) GiveUpIfUnanswered(operation);
  return operation;
}

void SessionClient::GiveUpIfUnanswered(std::uint64_t operation) {
  process_.After(kCallLimit, [this, operation, life = life_of_stream_] {
    if (life != life_of_stream_ || !pending_.contains(operation)) return;
    Drop(/*close=*/true);
  });
}

void SessionClient::OnEnded(Refusal why) {
  if (why == Refusal::kSessionReplaced) {
    world_.recorder.Fail("an older stream has replaced the newest of a session");
  }
  Drop(/*close=*/false);
}

void SessionClient::OnOutcomes(const std::vector<StreamOutcome>& outcomes) {
  const std::uint64_t life = life_of_stream_;
  for (const StreamOutcome& told : outcomes) {
    if (told.number != 0 && told.number != received_ + 1) {
      world_.recorder.Fail("the outcomes of a stream are not numbered one by one");
    }
    OnOutcome(told);
    if (life != life_of_stream_) return;
    received_ = std::max(received_, told.number);
  }
  // Mostly, the next message says so; but the client may have nothing to say for long.
  if (world_.chance.Permille(500)) Send({});
}

void SessionClient::OnOutcome(const StreamOutcome& told) {
  if (const auto* gone = std::get_if<LeaseGone>(&told.outcome)) {
    OnGone(*gone);
    return;
  }
  const auto found = pending_.find(told.operation);
  if (found == pending_.end()) {
    world_.recorder.Fail("an operation has a second answer");
    return;
  }
  if (const auto* queued = std::get_if<Queued>(&told.outcome)) {
    world_.recorder.Record(
        number(), found->second.recorded,
        history::Queued{.queue_sequence = queued->queue_sequence, .position = queued->position});
    return;
  }
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  switch (pending.kind) {
    case Pending::Kind::kAttach:
      OnAttached(told.outcome);
      break;
    case Pending::Kind::kAcquire:
      OnAcquireEnded(pending, told);
      break;
    case Pending::Kind::kRelease:
      OnReleaseEnded(pending, told.outcome);
      break;
    case Pending::Kind::kRenew:
      break;
    case Pending::Kind::kRenewAll:
      OnRenewedAll(pending);
      break;
    case Pending::Kind::kDetach:
      OnDetached(pending, told.outcome);
      break;
  }
}

void SessionClient::OnAttached(const Outcome& outcome) {
  attached_ = true;
  for (Slot& slot : slots_) slot.joined = slot.stage == Stage::kHolding;
  const auto* attached = std::get_if<Attached>(&outcome);
  if (attached != nullptr && attached->resumed && forgotten_.has_value()) {
    ExpectGone(*forgotten_, kEndShows, "a lease that its session does not list is kept");
  }
}

std::size_t SessionClient::SlotOf(const std::string& lease_id) const {
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (slots_[i].stage != Stage::kIdle && slots_[i].spec.lease_id == lease_id) return i;
  }
  return kNoSlot;
}

// What it is told of an end is what a Renew would have been answered.
void SessionClient::OnGone(const LeaseGone& gone) {
  const std::size_t index = SlotOf(gone.lease_id);
  if (index == kNoSlot) return;
  Slot& slot = slots_[index];
  const std::uint64_t recorded = NextRecorded();
  world_.recorder.Record(number(), recorded,
                         history::RenewCalled{.key = gone.key, .lease_id = gone.lease_id});
  world_.recorder.Record(number(), recorded, history::Refused{.reason = ReasonOf(gone.reason)});
  if (slot.stage == Stage::kAcquiring || slot.stage == Stage::kReleasing) {
    End(index);  // It acknowledges the end, and so must not name the id any more.
    return;
  }
  if (slot.stage != Stage::kHolding) return;
  const bool valid = process_.LocalNow() < slot.deadline;
  if (valid && !slot.used_elsewhere && gone.reason != Refusal::kLeaseForced) {
    world_.recorder.Fail("a lease was ended although its client held it: " + gone.lease_id);
  }
  if (slot.used_elsewhere) {
    Lose(index);
    return;
  }
  if (!slot.lost) {
    world_.recorder.Record(number(), 0,
                           history::Lost{.key = slot.spec.key, .lease_id = slot.spec.lease_id});
  }
  End(index);
}

}  // namespace holdfast::simulation
