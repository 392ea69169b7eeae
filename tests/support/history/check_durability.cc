// I4: what was acknowledged stays so.
//
//   * A lease whose grant was acknowledged is there until it can have been released,
//     forced or lapsed (lease_bounds.h): its holder is not told that the server does not
//     know it or that it waits, nobody is shown another holder or none, and the key is
//     not granted to anybody else. (Where the server was not started anew in between,
//     the last is reported as I8.)
//   * It ends in no other way: it is not refused as forced that nobody has forced, nor
//     as released that nobody has released.
//   * An id that has ended stays ended, and for the same cause. It has ended when a
//     release was acknowledged, also one of an id that the server did not know, and when
//     any call was refused because of it.
//   * An id that was told WAIT_TIMEOUT, through whichever of its calls, is not granted
//     through another one.
//   * Where a grant or a release was not acknowledged, both is right, until an answer
//     shows which it was; from then on, the same holds for it.
//
// All this is said of calls that were made after the earlier answer had arrived: an
// answer that was overtaken on its way proves nothing. And for as long as the server
// must remember the id (Rules::ended_kept).

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

Time Later(Time time, Duration span) { return time > kForever - span ? kForever : time + span; }

// Whether an answer shows that the id has not ended; "" if it does not.
std::string LifeShownBy(const Digest& digest, const Operation& operation) {
  if (digest.As<Granted>(operation.end) != nullptr) return "granted";
  if (digest.As<Renewed>(operation.end) != nullptr) return "renewed";
  if (operation.first_queued != kNone) return "queued";
  const auto* refused = digest.As<Refused>(operation.end);
  if (refused == nullptr) return "";
  switch (refused->reason) {
    case Reason::kLockHeld:
    case Reason::kWaitTimeout:
    case Reason::kLeaseWaiting:
      return "waiting";
    case Reason::kLeaseNotFound:
      return "unknown";
    default:
      return "";
  }
}

// The answers about one lease_id.
class LeaseAnswers {
 public:
  LeaseAnswers(const Evidence& evidence, std::size_t index)
      : evidence_(evidence),
        digest_(evidence.digest),
        index_(index),
        lease_(evidence.lease(index)),
        bounds_(evidence.bounds[index]),
        end_(evidence.ends[index]) {}

  void Check(Report& report) const {
    for (const std::size_t index : lease_.operations) {
      const Operation& operation = evidence_.operation(index);
      if (end_.shown < operation.called) {
        CheckStaysEnded(operation, report);
      } else if (lease_.told < operation.called) {
        CheckStaysGranted(operation, report);
      }
      if (operation.kind == Kind::kRelease &&
          digest_.RefusedFor(operation, Reason::kLeaseNotFound)) {
        CheckOvertaken(operation, report);
      }
      if (digest_.RefusedFor(operation, Reason::kWaitTimeout)) CheckTimedOut(operation, report);
    }
  }

 private:
  // Until when the server must remember the id, if it has ended by `seen`.
  Time KeptUntil(Time seen) const {
    Time end = seen;
    if (lease_.told != kNone) {
      end = std::min(end, bounds_.ended_from);
    } else {
      end = std::min(end, digest_.at(evidence_.operation(lease_.operations.front()).called));
    }
    return Later(end, digest_.rules().ended_kept);
  }

  void CheckStaysEnded(const Operation& operation, Report& report) const {
    const std::string life = LifeShownBy(digest_, operation);
    const std::size_t shown =
        operation.first_queued != kNone ? operation.first_queued : operation.end;
    if (shown == kNone || digest_.at(shown) >= KeptUntil(digest_.at(end_.shown))) return;
    if (!life.empty()) {
      report.Add(evidence_.Describe(index_) + " has ended, and later is " + life,
                 {end_.shown, operation.called, shown});
      return;
    }
    const std::optional<EndCause> cause = EndShownBy(digest_, operation);
    if (end_.cause_shown < operation.called && cause.has_value() && *cause != EndCause::kNotSaid &&
        *cause != end_.cause) {
      report.Add(evidence_.Describe(index_) + " has ended for another cause than before",
                 {end_.cause_shown, operation.called, shown});
    }
  }

  void CheckStaysGranted(const Operation& operation, Report& report) const {
    const auto complain = [&](std::size_t event, const char* what) {
      report.Add(evidence_.Describe(index_) + " was granted, and later is " + what,
                 {lease_.told, event});
    };
    const Time kept_until = KeptUntil(kForever);
    if (operation.first_queued != kNone && digest_.at(operation.first_queued) < kept_until) {
      complain(operation.first_queued, "queued");
      return;
    }
    const auto* refused = digest_.As<Refused>(operation.end);
    if (refused == nullptr) return;
    const std::size_t end = operation.end;
    switch (refused->reason) {
      case Reason::kLeaseNotFound:
        if (digest_.at(end) < kept_until) complain(end, "unknown");
        break;
      case Reason::kLeaseWaiting:
      case Reason::kLockHeld:
      case Reason::kWaitTimeout:
        if (digest_.at(end) < kept_until) complain(end, "waiting");
        break;
      case Reason::kLeaseEnded:
        if (operation.kind == Kind::kAcquire) {
          if (digest_.at(end) < bounds_.ended_from) complain(end, "ended");
        } else if (bounds_.released > end) {
          complain(end, "ended, and not released");
        }
        break;
      case Reason::kLeaseForced:
        if (std::min(bounds_.forced, bounds_.perhaps_forced) > end) {
          complain(end, "forced, by nobody");
        }
        break;
      default:
        break;
    }
  }

  // An acquire that is on its way while a release of its unknown id is answered is
  // refused, whichever of them arrives first.
  void CheckOvertaken(const Operation& release, Report& report) const {
    if (lease_.told < release.called) return;
    for (const std::size_t index : lease_.operations) {
      const Operation& operation = evidence_.operation(index);
      if (operation.called > release.end) return;
      if (operation.end == kNone || LifeShownBy(digest_, operation).empty()) continue;
      if (!digest_.Succeeded(operation) || operation.kind == Kind::kRelease) continue;
      if (digest_.at(operation.end) >=
          Later(digest_.at(release.called), digest_.rules().ended_kept)) {
        continue;
      }
      report.Add(evidence_.Describe(index_) + " was unknown when it was released, and is granted",
                 {release.end, operation.end});
    }
  }

  // Whoever is told that the time of an acquire is up counts on it that the id is not
  // granted, through whichever call. (What was called after either answer is seen above.)
  void CheckTimedOut(const Operation& acquire, Report& report) const {
    if (lease_.told == kNone || lease_.told < acquire.called) return;
    const Operation& first = evidence_.operation(lease_.operations.front());
    const Time kept_until = Later(digest_.at(first.called), digest_.rules().ended_kept);
    if (digest_.at(std::max(lease_.told, acquire.end)) >= kept_until) return;
    for (const std::size_t index : lease_.operations) {
      const Operation& operation = evidence_.operation(index);
      if (operation.end != lease_.told || operation.called > acquire.end) continue;
      report.Add(evidence_.Describe(index_) + " has timed out, and is granted",
                 {acquire.end, lease_.told});
    }
  }

  const Evidence& evidence_;
  const Digest& digest_;
  const std::size_t index_;
  const LeaseDigest& lease_;
  const LeaseBounds& bounds_;
  const LeaseEnd& end_;
};

// What Get and ForceRelease say about who holds a key.
class KeyAnswers {
 public:
  KeyAnswers(const Evidence& evidence, const KeyDigest& key)
      : evidence_(evidence), digest_(evidence.digest), told_(key.granted) {
    const auto told = [&](std::size_t lease) { return evidence.lease(lease).told; };
    std::sort(told_.begin(), told_.end(),
              [&](std::size_t a, std::size_t b) { return told(a) < told(b); });
    for (const std::size_t lease : told_) {
      const bool first = last_ended_.empty();
      last_ended_.push_back(first || evidence.bounds[lease].ended_from >
                                         evidence.bounds[last_ended_.back()].ended_from
                                ? lease
                                : last_ended_.back());
      newest_.push_back(first || evidence.lease(lease).token > evidence.lease(newest_.back()).token
                            ? lease
                            : newest_.back());
      ended_.try_emplace(evidence.lease(lease).token, evidence.ends[lease].shown);
    }
  }

  void Check(const Operation& operation, Report& report) const {
    const auto* refused = digest_.As<Refused>(operation.end);
    if (!digest_.Answered(operation)) return;
    if (refused != nullptr && refused->reason != Reason::kLockNotHeld) return;
    const std::uint64_t shown = digest_.TokenTold(operation.end);
    CheckHolder(operation, shown, report);
    if (shown == 0) return;
    const auto ended = ended_.find(shown);
    if (ended != ended_.end() && ended->second < operation.called) {
      report.Add("the token " + std::to_string(shown) + " has ended, and later holds the key",
                 {ended->second, operation.called, operation.end});
      return;
    }
    const std::size_t before = ToldBefore(operation.called);
    if (before == 0) return;
    const LeaseDigest& newest = evidence_.lease(newest_[before - 1]);
    if (newest.token > shown) {
      report.Add("the token " + std::to_string(shown) + " holds the key after a larger one",
                 {newest.told, operation.called, operation.end});
    }
  }

 private:
  // How many leases the holders of which were told before the event.
  std::size_t ToldBefore(std::size_t event) const {
    return static_cast<std::size_t>(std::partition_point(told_.begin(), told_.end(),
                                                         [&](std::size_t lease) {
                                                           return evidence_.lease(lease).told <
                                                                  event;
                                                         }) -
                                    told_.begin());
  }

  // If a lease is sure to have been held all the while, it is the one that is shown.
  void CheckHolder(const Operation& operation, std::uint64_t shown, Report& report) const {
    const std::size_t before = ToldBefore(operation.called);
    if (before == 0) return;
    const std::size_t holder = last_ended_[before - 1];
    const LeaseDigest& lease = evidence_.lease(holder);
    if (evidence_.bounds[holder].ended_from <= digest_.at(operation.end)) return;
    const auto* force = digest_.As<ForceReleaseCalled>(operation.called);
    const bool asks_for_another =
        force != nullptr && force->fencing_token != 0 && force->fencing_token != lease.token;
    if (shown == lease.token || (shown == 0 && asks_for_another)) return;
    report.Add(evidence_.Describe(holder) + " is held, and not shown", {lease.told, operation.end});
  }

  const Evidence& evidence_;
  const Digest& digest_;
  std::vector<std::size_t> told_;        // Leases, in the order in which holders were told.
  std::vector<std::size_t> last_ended_;  // Of the first n of these, the one that ends last,
  std::vector<std::size_t> newest_;      // and the one with the largest token.
  absl::flat_hash_map<std::uint64_t, std::size_t> ended_;  // By token.
};

}  // namespace

void CheckDurability(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  for (std::size_t index = 0; index < digest.leases().size(); ++index) {
    LeaseAnswers(evidence, index).Check(report);
    if (!evidence.PredecessorForgotten(index)) continue;
    const std::size_t predecessor = evidence.bounds[index].predecessor;
    report.Add(evidence.Describe(index) + " was granted, and " + evidence.Describe(predecessor) +
                   " forgotten",
               {digest.leases()[predecessor].told, digest.leases()[index].told});
  }
  for (const KeyDigest& key : digest.keys()) {
    if (key.gets.empty() && key.forces.empty()) continue;
    const KeyAnswers answers(evidence, key);
    for (const std::size_t get : key.gets) answers.Check(evidence.operation(get), report);
    for (const std::size_t force : key.forces) answers.Check(evidence.operation(force), report);
  }
}

}  // namespace holdfast::history
