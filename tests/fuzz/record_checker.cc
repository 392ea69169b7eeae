#include "tests/fuzz/record_checker.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "tests/fuzz/require.h"

namespace holdfast::fuzz {
namespace {

// How long an ended id is remembered at the least, as the API promises.
constexpr Duration kRemembered = std::chrono::minutes(5);

template <typename CommandKind>
const CommandKind* FindCommand(const std::vector<Command>& commands, const std::string& lease_id) {
  for (const Command& command : commands) {
    const auto* found = std::get_if<CommandKind>(&command.body);
    if (found != nullptr && found->lease_id == lease_id) return found;
  }
  return nullptr;
}

// Whether an administrator has asked for the end of this lease.
bool IsForced(const std::vector<Command>& commands, const LeaseRecord& lease) {
  return std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
    if (const auto* one = std::get_if<ForceReleaseCommand>(&command.body)) {
      return one->key == lease.spec.key &&
             one->fencing_token.value_or(lease.fencing_token) == lease.fencing_token;
    }
    const auto* tagged = std::get_if<ReleaseByTagCommand>(&command.body);
    return tagged != nullptr && !tagged->dry_run &&
           lease.fencing_token <= tagged->max_fencing_token.value_or(UINT64_MAX) &&
           std::includes(lease.spec.tags.begin(), lease.spec.tags.end(), tagged->tags.begin(),
                         tagged->tags.end());
  });
}

// When a lease that begins its expire now ends.
Instant LapseOf(const LeaseRecord& lease, Instant now) {
  return lease.spec.expire.has_value() ? now + *lease.spec.expire : Instant::max();
}

// Collects what a store holds.
struct Content final : RecordVisitor {
  std::map<std::string, LeaseRecord> leases;
  std::map<std::string, EndCause> ended;
  std::uint64_t reserved = 0;

  void OnLease(LeaseRecord lease) override { leases[lease.spec.lease_id] = std::move(lease); }
  void OnEnded(std::string lease_id, EndCause cause) override { ended[lease_id] = cause; }
  void OnReservedTokens(std::uint64_t through) override { reserved = through; }
};

}  // namespace

void RecordChecker::Apply(const RecordBatch& batch, const Turn& turn) {
  granted_now_.clear();
  ended_now_.clear();
  ended_before_.clear();
  tokens_alive_.clear();
  if (batch.empty()) return;
  for (const auto& [lease_id, ended] : ended_) ended_before_.insert(lease_id);
  for (const auto& [lease_id, lease] : leases_) tokens_alive_.insert(lease.record.fencing_token);
  for (const RecordChange& change : batch) {
    std::visit([&](const auto& kind) { Check(kind, turn); }, change);
  }
  Require(leases_.size() <= limits_.max_leases, "there are no more leases than max_leases");
  Require(ended_.size() <= limits_.max_ended_ids, "no more ids are kept than max_ended_ids");
}

void RecordChecker::Check(const PutLease& change, const Turn& turn) {
  const LeaseRecord& record = change.lease;
  const std::string& lease_id = record.spec.lease_id;
  if (const auto held = leases_.find(lease_id); held != leases_.end()) {
    const auto* renew = FindCommand<RenewCommand>(turn.commands, lease_id);
    LeaseRecord expected = held->second.record;
    Require(renew != nullptr && renew->expire.has_value() && expected.spec.expire.has_value(),
            "a lease changes by a Renew alone");
    expected.ChangeExpire(*renew->expire);
    Require(record == expected, "a Renew changes the expire and nothing else");
    held->second.record = record;
    Require(turn.now.monotonic + *renew->expire >= held->second.lapses,
            "what is stored covers what was promised", lease_id);
    return;
  }
  Require(!ended_.contains(lease_id), "an id that has ended is not granted again", lease_id);
  for (const auto& [other_id, other] : leases_) {
    Require(other.record.spec.key != record.spec.key, "a key has one lease", record.spec.key);
  }
  Require(record.fencing_token > last_token_, "tokens rise");
  Require(record.fencing_token <= reserved_, "a token is reserved before it is granted");
  turn.check_grant(record.spec);
  last_token_ = record.fencing_token;
  granted_now_.insert(lease_id);
  tokens_alive_.insert(record.fencing_token);
  leases_[lease_id] = {.record = record, .lapses = LapseOf(record, turn.now.monotonic)};
}

void RecordChecker::Check(const PutEnded& change, const Turn& turn) {
  const std::string& lease_id = change.lease_id;
  Require(!ended_.contains(lease_id), "an id ends once", lease_id);
  if (const auto held = leases_.find(lease_id); held != leases_.end()) {
    CheckLeaseEnd(held->second, change.cause, turn);
    leases_.erase(held);
  } else {
    turn.check_waiter_end(lease_id, change.cause);
  }
  ended_now_.insert(lease_id);
  ended_[lease_id] = {.cause = change.cause, .at = turn.now.monotonic};
}

void RecordChecker::Check(const DeleteEnded& change, const Turn& turn) {
  const auto found = ended_.find(change.lease_id);
  Require(found != ended_.end(), "an id that is forgotten was remembered", change.lease_id);
  Require(turn.now.monotonic - found->second.at >= kRemembered ||
              ended_.size() >= limits_.max_ended_ids,
          "an ended id is remembered for five minutes", change.lease_id);
  ended_.erase(found);
}

void RecordChecker::Check(const ReserveTokens& change, const Turn& /*turn*/) {
  Require(change.through > reserved_, "the token mark rises");
  reserved_ = change.through;
}

void RecordChecker::CheckLeaseEnd(const Lease& lease, EndCause cause, const Turn& turn) const {
  const LeaseSpec& spec = lease.record.spec;
  const Instant now = turn.now.monotonic;
  switch (cause) {
    case EndCause::kReleased: {
      const auto* release = FindCommand<ReleaseCommand>(turn.commands, spec.lease_id);
      Require(release != nullptr && release->key == spec.key, "who releases a lease names it");
      break;
    }
    case EndCause::kForced:
      Require(IsForced(turn.commands, lease.record), "a lease is forced by a command");
      break;
    case EndCause::kExpired:
      Require(now >= lease.lapses, "a lease never lapses early", spec.lease_id);
      break;
    case EndCause::kCancelled:
      Require(!lease.arrived, "a lease that has arrived is not taken back", spec.lease_id);
      Require(lease.reports > 0 && now - lease.last_report >= limits_.reattach_window,
              "a grant that did not arrive is kept for the window", spec.lease_id);
      Require(lease.undelivered(), "a grant that may have arrived is not taken back",
              spec.lease_id);
      break;
    case EndCause::kTimedOut:
      Broken("a lease does not time out");
  }
}

RecordChecker::Lease* RecordChecker::Find(const std::string& lease_id, std::uint64_t token) {
  const auto held = leases_.find(lease_id);
  const bool same = held != leases_.end() && held->second.record.fencing_token == token;
  return same ? &held->second : nullptr;
}

bool RecordChecker::OnRenewed(const LeaseView& view, Instant now) {
  Lease* const lease = Find(view);
  if (lease == nullptr) return false;
  const Duration remaining = view.remaining.value_or(Duration::max());
  const Instant lapses = view.remaining.has_value() ? now + remaining : Instant::max();
  Require(lapses >= lease->lapses, "a renewal never brings the end forward");
  lease->lapses = lapses;
  lease->arrived = true;
  return true;
}

void RecordChecker::OnGranted(const LeaseView& view) {
  if (Lease* const lease = Find(view)) ++lease->answers;
}

void RecordChecker::CheckGranted(const LeaseView& view) {
  Lease* const lease = Find(view);
  Require(lease != nullptr || tokens_alive_.contains(view.lease.fencing_token),
          "a grant that is told has been committed");
  if (lease == nullptr) return;  // It has been forced in the same turn.
  Require(view.lease == lease->record, "a grant says what is stored");
  if (GrantedNow(view.lease.spec.lease_id)) ++lease->answers;
}

void RecordChecker::OnReport(const UndeliveredCommand& grant, Instant now) {
  Lease* const lease = Find(grant.lease_id, grant.fencing_token);
  if (lease == nullptr) return;
  ++lease->reports;
  lease->last_report = now;
}

void RecordChecker::OnRestart(LockStore& store, Instant now) {
  Content content;
  Require(store.Load(content).ok(), "what was committed can be loaded");
  Require(content.reserved == reserved_, "the token mark survives");
  Require(content.leases.size() == leases_.size() && content.ended.size() == ended_.size(),
          "as many records survive as were committed");
  for (auto& [lease_id, lease] : leases_) {
    const auto stored = content.leases.find(lease_id);
    Require(stored != content.leases.end() && stored->second == lease.record,
            "a committed lease survives", lease_id);
    const Instant lapses = LapseOf(lease.record, now);
    Require(lapses >= lease.lapses, "a restart keeps every promise", lease_id);
    lease.lapses = lapses;
    lease.arrived = true;
  }
  for (auto& [lease_id, ended] : ended_) {
    const auto stored = content.ended.find(lease_id);
    Require(stored != content.ended.end() && stored->second == ended.cause,
            "a committed end survives", lease_id);
    ended.at = now;
  }
}

std::size_t RecordChecker::TimersNeeded() const {
  std::size_t timers = 0;
  for (const auto& [lease_id, lease] : leases_) {
    timers += lease.record.spec.expire.has_value() ? 1 : 0;
    timers += lease.undelivered() ? 1 : 0;
  }
  return timers;
}

}  // namespace holdfast::fuzz
