#include "tests/fuzz/call_checker.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "tests/fuzz/require.h"

namespace holdfast::fuzz {
namespace {

// A waiter is told of its place at most this often.
constexpr Duration kReportInterval = std::chrono::seconds(1);

// The body of a call, which must be of the kind that such an outcome answers.
template <typename CommandKind>
const CommandKind& As(const CallChecker::Call& call) {
  const auto* body = std::get_if<CommandKind>(&call.body);
  Require(body != nullptr, "an outcome answers the call's command");
  return *body;
}

void CheckView(const LeaseView& view, std::optional<Duration> expire) {
  Require(view.lease.fencing_token != 0, "a lease has a token");
  Require(view.remaining.has_value() == expire.has_value(), "remaining is there as expire is");
  Require(
      !expire.has_value() || (*view.remaining >= Duration::zero() && *view.remaining <= *expire),
      "what remains is within the expire");
  Require(view.elapsed >= Duration::zero(), "time does not go back");
}

// Applies an event to what a watcher has seen so far.
void Follow(const LeaseEvent& event, CallChecker::Call& watch) {
  Require(event.sequence >= watch.last_event, "the numbers of events rise");
  const bool of_snapshot =
      event.kind == LeaseEventKind::kHeld || event.kind == LeaseEventKind::kSnapshotEnd;
  Require(of_snapshot || event.sequence > watch.last_event, "an event has a number of its own");
  watch.last_event = event.sequence;
  if (event.kind == LeaseEventKind::kSnapshotEnd) {
    Require(!watch.snapshot_complete, "a snapshot ends once");
    watch.snapshot_complete = true;
    return;
  }
  const LeaseFilter& filter = watch.watch()->filter;
  Require(event.key.starts_with(filter.key_prefix) &&
              std::includes(event.tags.begin(), event.tags.end(), filter.tags.begin(),
                            filter.tags.end()),
          "an event matches its watch's filter");
  const auto seen = watch.picture.find(event.key);
  if (event.kind == LeaseEventKind::kHeld || event.kind == LeaseEventKind::kGranted) {
    Require(seen == watch.picture.end(), "a watcher sees a lease end before the next one",
            event.key);
    watch.picture[event.key] = event.fencing_token;
  } else {
    Require(seen != watch.picture.end() && seen->second == event.fencing_token,
            "a watcher sees the end of the lease that it has seen", event.key);
    watch.picture.erase(seen);
  }
}

// Which refusals may answer a command.
bool MayRefuse(const CommandBody& body, Refusal reason) {
  if (reason == Refusal::kStopping || reason == Refusal::kLimitExceeded) return true;
  const bool mismatch = reason == Refusal::kLeaseMismatch;
  const bool ended = reason == Refusal::kLeaseExpired || reason == Refusal::kLeaseForced;
  if (const auto* acquire = std::get_if<AcquireCommand>(&body)) {
    const bool tries = acquire->timeout == Duration::zero();
    return mismatch || reason == Refusal::kLeaseEnded ||
           reason == (tries ? Refusal::kLockHeld : Refusal::kWaitTimeout) ||
           (!tries && reason == Refusal::kCancelled);
  }
  if (std::holds_alternative<ReleaseCommand>(body)) {
    return mismatch || ended || reason == Refusal::kLeaseNotFound;
  }
  if (std::holds_alternative<RenewCommand>(body)) {
    return mismatch || ended || reason == Refusal::kLeaseEnded ||
           reason == Refusal::kLeaseNotFound || reason == Refusal::kLeaseWaiting;
  }
  if (std::holds_alternative<ForceReleaseCommand>(body)) return reason == Refusal::kLockNotHeld;
  return std::holds_alternative<WatchCommand>(body) && reason == Refusal::kCancelled;
}

}  // namespace

std::optional<Instant> CallChecker::Call::deadline() const {
  const AcquireCommand* const command = acquire();
  if (command == nullptr || command->timeout == kNoTimeout) return std::nullopt;
  return opened + command->timeout;
}

void CallChecker::Open(const Command& command, Instant now) {
  if (const auto* cancel = std::get_if<CancelCommand>(&command.body)) {
    cancel_asked_.insert(cancel->call);
  }
  if (ExpectsOutcome(command.body)) open_[command.call] = {.body = command.body, .opened = now};
}

void CallChecker::Tell(const std::vector<Delivery>& deliveries, Instant now) {
  cancelled_.clear();
  std::map<std::string, bool> timed_out;  // And whether a call of the id had waited for so long.
  for (const Delivery& delivery : deliveries) {
    const auto found = open_.find(delivery.call);
    Require(found != open_.end(), "nobody is told anything after the final outcome");
    Call& call = found->second;
    std::visit([&](const auto& outcome) { Check(call, outcome, now); }, delivery.outcome);
    const auto* refused = std::get_if<Refused>(&delivery.outcome);
    if (refused != nullptr && refused->reason == Refusal::kCancelled) {
      Require(cancel_asked_.contains(delivery.call), "only who has gone is told so");
      if (call.acquire() != nullptr) cancelled_.insert(call.acquire()->spec.lease_id);
    }
    if (refused != nullptr && refused->reason == Refusal::kWaitTimeout) {
      timed_out[call.acquire()->spec.lease_id] |= now >= call.deadline().value_or(Instant::max());
    }
    if (IsFinal(delivery.outcome)) open_.erase(found);
  }
  for (const CallId call : cancel_asked_) {
    Require(!open_.contains(call), "a call that is cancelled has its outcome at once");
  }
  cancel_asked_.clear();
  for (const auto& [lease_id, due] : timed_out) {
    Require(due, "a wait does not time out early", lease_id);
    Require(WaitsOf(lease_id).empty(), "an id times out with all of its calls", lease_id);
  }
}

void CallChecker::CheckAnswered(Instant now, bool draining) const {
  for (const auto& [id, call] : open_) {
    Require(!draining, "a server that stops has answered everybody");
    const AcquireCommand* const acquire = call.acquire();
    if (call.watch() != nullptr) continue;
    Require(acquire != nullptr && acquire->timeout > Duration::zero(),
            "who does not wait has an answer at once");
    Require(now < call.deadline().value_or(Instant::max()), "a wait ends with its timeout");
    Require(!acquire->report_queue || call.told_place_at.has_value(),
            "a waiter is told its place at once");
  }
}

std::set<CallId> CallChecker::WaitsOf(const std::string& lease_id) const {
  std::set<CallId> calls;
  for (const auto& [id, call] : open_) {
    if (call.acquire() != nullptr && call.acquire()->spec.lease_id == lease_id) calls.insert(id);
  }
  return calls;
}

std::set<std::string> CallChecker::WaitingIds() const {
  std::set<std::string> ids;
  for (const auto& [id, call] : open_) {
    if (call.acquire() != nullptr) ids.insert(call.acquire()->spec.lease_id);
  }
  return ids;
}

std::size_t CallChecker::Watches() const {
  return static_cast<std::size_t>(std::count_if(open_.begin(), open_.end(), [](const auto& entry) {
    return entry.second.watch() != nullptr;
  }));
}

void CallChecker::Check(Call& call, const Granted& granted, Instant /*now*/) {
  const auto& acquire = As<AcquireCommand>(call);
  // A renewal may have changed the expire before the same request came again.
  LeaseSpec asked = granted.lease.lease.spec;
  asked.expire = granted.lease.lease.asked_expire();
  Require(asked == acquire.spec, "a grant is what was asked for");
  CheckView(granted.lease, granted.lease.lease.spec.expire);
}

void CallChecker::Check(Call& call, const Queued& queued, Instant now) {
  const auto& acquire = As<AcquireCommand>(call);
  Require(acquire.report_queue && acquire.timeout > Duration::zero(),
          "who asked is told its place");
  Require(queued.position >= 1 && queued.queue_sequence >= 1, "places are numbered from 1");
  Require(!call.told_place_at.has_value() || now - *call.told_place_at >= kReportInterval,
          "a waiter is told of its place once a second at the most");
  call.told_place_at = now;
  call.place = queued.position;
}

void CallChecker::Check(Call& call, const Released& /*released*/, Instant /*now*/) {
  As<ReleaseCommand>(call);
}

void CallChecker::Check(Call& call, const Renewed& renewed, Instant /*now*/) {
  const auto& renew = As<RenewCommand>(call);
  const LeaseSpec& spec = renewed.lease.lease.spec;
  Require(spec.lease_id == renew.lease_id && spec.key == renew.key, "a Renew renews what it names");
  CheckView(renewed.lease, spec.expire);
  if (!spec.expire.has_value()) return;
  const Duration asked = renew.expire.value_or(*spec.expire);
  Require(*renewed.lease.remaining >= asked, "a renewal gives what it asks for");
  Require(*renewed.lease.remaining == asked ? *spec.expire == asked : *spec.expire > asked,
          "a renewal that gives no more than it asks for sets the expire");
}

void CallChecker::Check(Call& call, const Shown& shown, Instant /*now*/) {
  Require(shown.lock.key == As<GetCommand>(call).key, "a Get shows the lock that it names");
}

void CallChecker::Check(Call& call, const Listed& listed, Instant /*now*/) {
  const auto& list = As<ListCommand>(call);
  Require(listed.locks.size() <= list.page_size, "a page is as long as asked at the most");
  std::string last = list.after_key;
  for (const LockView& lock : listed.locks) {
    Require(lock.key > last && lock.key.starts_with(list.filter.key_prefix),
            "locks are listed in the order of their keys");
    last = lock.key;
  }
  Require(!listed.next_after_key.has_value() || *listed.next_after_key >= last,
          "the next page begins behind this one");
}

void CallChecker::Check(Call& call, const Forced& /*forced*/, Instant /*now*/) {
  As<ForceReleaseCommand>(call);
}

void CallChecker::Check(Call& call, const ForcedPage& page, Instant /*now*/) {
  const auto& command = As<ReleaseByTagCommand>(call);
  Require(!command.max_fencing_token.has_value() ||
              page.max_fencing_token == *command.max_fencing_token,
          "what is spared stays spared on every page");
  for (const LockView& lock : page.locks) {
    const HolderView& holder = lock.holders.at(0);
    Require(lock.key > command.after_key && holder.fencing_token <= page.max_fencing_token &&
                std::includes(holder.tags.begin(), holder.tags.end(), command.tags.begin(),
                              command.tags.end()),
            "only leases with the tags are ended, and none that is spared");
  }
}

void CallChecker::Check(Call& call, const Watched& watched, Instant /*now*/) {
  As<WatchCommand>(call);
  for (const auto& event : watched.events) Follow(*event, call);
  Require(watched.snapshot_continues ? !call.snapshot_complete : true,
          "a snapshot that is complete does not continue");
}

void CallChecker::Check(Call& call, const Drained& /*drained*/, Instant /*now*/) {
  As<DrainCommand>(call);
}

void CallChecker::Check(Call& call, const Refused& refused, Instant /*now*/) {
  Require(MayRefuse(call.body, refused.reason), "a refusal is one that the command can have");
}

}  // namespace holdfast::fuzz
