#include "tests/support/history/lease_bounds.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

Time After(Time start, Duration span) {
  if (span == Duration::max() || start == kForever) return kForever;
  return start + span;
}

// Which expires a lease may have been given, and when.
class ExpireInForce {
 public:
  ExpireInForce(const Digest& digest, const LeaseDigest& lease)
      : repeats_(digest.rules().requests_may_repeat) {
    AddAcquire(digest, lease);
    for (const std::size_t index : lease.operations) {
      const Operation& operation = digest.operations()[index];
      const auto* renew = digest.As<RenewCalled>(operation.called);
      if (renew == nullptr || !renew->expire.has_value() || !digest.MayHaveEffect(operation)) {
        continue;
      }
      settings_.push_back({.called = operation.called,
                           .answered = digest.Answered(operation) ? operation.end : kNone,
                           .expire = *renew->expire});
    }
    std::sort(settings_.begin(), settings_.end(),
              [](const Setting& a, const Setting& b) { return a.answered < b.answered; });
    for (std::size_t i = settings_.size(); i-- > 0;) {
      Setting& setting = settings_[i];
      setting.least_from_here = setting.expire;
      if (i + 1 < settings_.size()) {
        setting.least_from_here = std::min(setting.expire, settings_[i + 1].least_from_here);
      }
    }
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      settings_[i].last_called = settings_[i].called;
      if (i > 0) {
        settings_[i].last_called = std::max(settings_[i].called, settings_[i - 1].last_called);
      }
    }
  }

  // The least that can be in force at any time from the call on, which has succeeded. A
  // setting is out of force when another was called after its answer, and answered.
  Duration LeastFrom(const Digest& digest, const Operation& operation) const {
    if (settings_.empty()) return Duration::zero();
    if (repeats_ || settings_.size() == 1) return settings_.front().least_from_here;
    const auto first_after = [&](std::size_t event) {
      return std::upper_bound(
          settings_.begin(), settings_.end(), event,
          [](std::size_t e, const Setting& setting) { return e < setting.answered; });
    };
    const auto* renew = digest.As<RenewCalled>(operation.called);
    if (renew != nullptr && renew->expire.has_value()) {
      return first_after(operation.called)->least_from_here;
    }
    const auto later = first_after(operation.called);
    if (later == settings_.begin()) return settings_.front().least_from_here;
    return first_after(std::prev(later)->last_called)->least_from_here;
  }

 private:
  struct Setting {
    std::size_t called;
    std::size_t answered;  // None: perhaps never in force, perhaps from any time on.
    Duration expire;
    Duration least_from_here{};   // Of this one and those answered later.
    std::size_t last_called = 0;  // Of this one and those answered earlier.
  };

  // However often it is sent, an acquire sets its expire once.
  void AddAcquire(const Digest& digest, const LeaseDigest& lease) {
    for (const std::size_t index : lease.operations) {
      const Operation& operation = digest.operations()[index];
      const auto* acquire = digest.As<AcquireCalled>(operation.called);
      if (acquire == nullptr || !digest.MayHaveEffect(operation)) continue;
      settings_.push_back({.called = operation.called,
                           .answered = lease.told,
                           .expire = acquire->expire.value_or(Duration::max())});
      return;
    }
  }

  const bool repeats_;
  std::vector<Setting> settings_;  // By `answered`.
};

// The expire that the acquire or renewal asks for; absent if it takes what there is.
std::optional<Duration> AskedBy(const Digest& digest, const Operation& operation) {
  if (const auto* acquire = digest.As<AcquireCalled>(operation.called)) {
    return acquire->expire.value_or(Duration::max());
  }
  return digest.As<RenewCalled>(operation.called)->expire;
}

// Leaves room for a server whose clock is too fast.
Duration AtLeast(const Digest& digest, Duration expire) {
  if (expire == Duration::max()) return expire;
  return expire / 1'000 * (1'000 - digest.rules().clock_rate);
}

// Who can have forced a lease: calls that are sure to have ended it, if anything, and
// those that may have ended any.
class Forces {
 public:
  explicit Forces(const Digest& digest) : any_(digest.keys().size(), kNone) {
    for (const Operation& operation : digest.operations()) {
      if (operation.kind != Kind::kForceRelease) continue;
      const std::uint64_t named = digest.As<ForceReleaseCalled>(operation.called)->fencing_token;
      if (MayHaveForcedAny(digest, operation)) {
        any_[operation.key] = std::min(any_[operation.key], operation.called);
      } else if (named != 0 && digest.MayHaveEffect(operation)) {
        named_.try_emplace({operation.key, named}, operation.called);
      }
      if (const auto* forced = digest.As<Forced>(operation.end)) {
        named_.try_emplace({operation.key, forced->fencing_token}, operation.called);
      }
    }
  }

  std::size_t FirstOf(const LeaseDigest& lease) const {
    const auto found = named_.find({lease.key, lease.token});
    return found == named_.end() ? kNone : found->second;
  }
  std::size_t FirstOfAny(const LeaseDigest& lease) const { return any_[lease.key]; }

 private:
  std::vector<std::size_t> any_;  // By key: the first call.
  absl::flat_hash_map<std::pair<std::size_t, std::uint64_t>, std::size_t> named_;
};

// The max_hold that the lease was requested with. A request that asks for another one than
// the first is refused.
Duration LongestHold(const Digest& digest, const LeaseDigest& lease) {
  Duration longest = Duration::max();
  for (const std::size_t index : lease.operations) {
    const auto* acquire = digest.As<AcquireCalled>(digest.operations()[index].called);
    if (acquire == nullptr || !acquire->max_hold.has_value()) continue;
    longest = std::min(longest, AtLeast(digest, *acquire->max_hold));
  }
  return longest;
}

std::size_t FirstRelease(const Digest& digest, const LeaseDigest& lease) {
  for (const std::size_t index : lease.operations) {
    const Operation& operation = digest.operations()[index];
    if (operation.kind == Kind::kRelease && digest.MayHaveEffect(operation)) {
      return operation.called;
    }
  }
  return kNone;
}

}  // namespace

bool MayHaveForcedAny(const Digest& digest, const Operation& force) {
  return digest.As<ForceReleaseCalled>(force.called)->fencing_token == 0 &&
         (!digest.Answered(force) || digest.rules().requests_may_repeat);
}

Lapse LapseOf(const Digest& digest, const LeaseDigest& lease, Time granted_from,
              std::size_t before) {
  const ExpireInForce expires(digest, lease);
  Lapse lapse;
  const auto not_before = [&](Time from, std::size_t because) {
    if (from > lapse.from) lapse = {.from = from, .because = because};
  };
  Duration least = Duration::max();
  const Duration longest = LongestHold(digest, lease);
  for (const std::size_t index : lease.operations) {
    const Operation& operation = digest.operations()[index];
    if (operation.called > before) break;
    if (digest.As<Granted>(operation.end) == nullptr &&
        digest.As<Renewed>(operation.end) == nullptr) {
      continue;
    }
    const Duration in_force = AtLeast(digest, expires.LeastFrom(digest, operation));
    least = std::min(least, in_force);
    // What it asked for itself, it was given: no later renewal takes that back.
    const std::optional<Duration> asked = AskedBy(digest, operation);
    const Duration expire = asked.has_value() ? AtLeast(digest, *asked) : in_force;
    // An acquire that is sent again is told of its lease, and extends nothing.
    const bool extends = digest.As<Renewed>(operation.end) != nullptr;
    const Time began = extends ? std::max(granted_from, digest.at(operation.called)) : granted_from;
    not_before(std::min(After(began, expire), After(granted_from, longest)), operation.called);
  }
  least = std::min(least, longest);
  // If it cannot have lapsed before the server stopped, it has its full expire again.
  const std::vector<std::size_t>& ends = digest.life_ends();
  for (auto end = std::upper_bound(ends.begin(), ends.end(), lease.told);
       end != ends.end() && *end < before && digest.at(*end) < lapse.from; ++end) {
    not_before(After(digest.at(*end), least), *end);
  }
  return lapse;
}

std::vector<LeaseBounds> BoundsOf(const Digest& digest) {
  const Forces forces(digest);
  std::vector<LeaseBounds> all(digest.leases().size());
  for (const KeyDigest& key : digest.keys()) {
    Time held_until = Time::min();
    std::size_t holder = kNone;
    for (const std::size_t index : key.granted) {
      const LeaseDigest& lease = digest.leases()[index];
      LeaseBounds& bounds = all[index];
      const Time told = digest.at(lease.told);
      bounds.predecessor = holder;
      bounds.granted_early = told < held_until;
      // Having been reported, it is not to make what follows look wrong.
      if (bounds.granted_early) held_until = told;

      bounds.granted_from = held_until;
      if (const std::size_t called = digest.FirstGrantingCall(lease); called != kNone) {
        bounds.granted_from = std::max(bounds.granted_from, digest.at(called));
      }
      bounds.released = FirstRelease(digest, lease);
      bounds.forced = forces.FirstOf(lease);
      bounds.perhaps_forced = forces.FirstOfAny(lease);
      const Lapse lapse = LapseOf(digest, lease, bounds.granted_from, kNone);
      bounds.ended_from = lapse.from;
      bounds.ended_because = lapse.because;
      for (const std::size_t event : {bounds.released, bounds.forced, bounds.perhaps_forced}) {
        if (event == kNone || digest.at(event) >= bounds.ended_from) continue;
        bounds.ended_from = digest.at(event);
        bounds.ended_because = event;
      }
      bounds.ended_from = std::max(bounds.ended_from, bounds.granted_from);
      if (bounds.ended_from > held_until) {
        held_until = bounds.ended_from;
        holder = index;
      }
    }
  }
  return all;
}

}  // namespace holdfast::history
