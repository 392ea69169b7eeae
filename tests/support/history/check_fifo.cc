// I5: live waiters are granted in the order of their places.
//
// A waiter A is ahead of B if both were told a place in the same queue, in the same life
// of the server, and A's number is the smaller; or if A was told its place before B
// asked at all. If A's call was open, as the server saw it, from before B's grant until
// after it, A must have been granted first, with the smaller token. Places themselves:
// an id has one, as long as the server lives, and who asks later has a larger number.
//
// Not seen: the order among calls that are not told their place (Acquire does not tell
// it, Wait does) and that waited at the same time. Whether a call whose connection broke
// around the grant, within Rules::network, was still open for the server. Whether one
// that was cut off had not been granted, and lost by a lapse, before; that is excluded
// only as long as its expire is from when it was last told that it waits.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/support/history/invariants.h"
#include "tests/support/history/waits.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

constexpr std::uint64_t kNotGranted = ~std::uint64_t{0};

// A call that was told its place. It must have been granted before anybody behind it
// who was granted by `until`; or, if it was granted itself, at any time.
struct Waiting {
  std::size_t told = kNone;  // The event: its place.
  std::uint64_t place = 0;
  std::size_t life = 0;
  std::uint64_t token = kNotGranted;
  Time until{};

  // Its call was open from then on; of the first call of its id, ever since the place
  // was taken.
  Time open_from{};
};

// Who was granted the lock.
struct Winner {
  std::size_t lease = kNone;
  std::size_t asked = kNone;  // Event.
  std::size_t told = kNone;   // Event: of the grant.
  std::size_t life = 0;       // In which its holder was told.
  std::uint64_t token = 0;
  Time told_at{};
  Time granted_from{};
};

// The largest token, and the longest wait, of those that were added at or below a rank.
class Ahead {
 public:
  explicit Ahead(std::size_t ranks) : best_(ranks + 1) {}

  void Add(std::size_t rank, const Waiting& waiting) {
    for (std::size_t i = rank + 1; i < best_.size(); i += i & (~i + 1)) {
      Take(waiting, best_[i]);
    }
  }

  // One that should have been granted before the winner, of the first `ranks` ranks.
  const Waiting* PassedOver(std::size_t ranks, const Winner& winner) const {
    Best best;
    for (std::size_t i = ranks; i > 0; i -= i & (~i + 1)) {
      if (best_[i].by_token != nullptr) Take(*best_[i].by_token, best);
      if (best_[i].by_time != nullptr) Take(*best_[i].by_time, best);
    }
    if (best.by_token != nullptr && best.by_token->token > winner.token) return best.by_token;
    if (best.by_time != nullptr && best.by_time->until >= winner.told_at) return best.by_time;
    return nullptr;
  }

 private:
  struct Best {
    const Waiting* by_token = nullptr;
    const Waiting* by_time = nullptr;
  };

  static void Take(const Waiting& waiting, Best& best) {
    if (waiting.token == kNotGranted) {
      if (best.by_time == nullptr || waiting.until > best.by_time->until) best.by_time = &waiting;
    } else if (best.by_token == nullptr || waiting.token > best.by_token->token) {
      best.by_token = &waiting;
    }
  }

  std::vector<Best> best_;  // A Fenwick tree.
};

class KeyQueue {
 public:
  KeyQueue(const Evidence& evidence, const KeyDigest& key)
      : evidence_(evidence), digest_(evidence.digest) {
    for (const std::size_t lease : key.leases) AddCalls(lease, key);
    for (const std::size_t lease : key.granted) AddWinner(lease);
  }

  void Check(Report& report) {
    if (waiting_.empty()) return;
    CheckLaterAsked(report);
    CheckPlaces(report);
  }

 private:
  void AddCalls(std::size_t index, const KeyDigest& key) {
    const LeaseDigest& lease = evidence_.lease(index);
    bool first = !digest_.rules().requests_may_repeat;
    for (const std::size_t of_lease : lease.operations) {
      const Operation& operation = evidence_.operation(of_lease);
      if (operation.kind != Kind::kAcquire) continue;
      const bool is_first = std::exchange(first, false);
      const std::size_t told = operation.first_queued;
      const std::size_t life = digest_.LifeAt(operation.called);
      // Told in another life than it was called in: perhaps by either.
      if (told == kNone || digest_.LifeAt(told) != life) continue;
      Waiting waiting{.told = told,
                      .place = digest_.As<Queued>(told)->queue_sequence,
                      .life = life,
                      .open_from = is_first ? Time::min() : digest_.at(told)};
      if (digest_.As<Granted>(operation.end) != nullptr) {
        if (digest_.LifeAt(operation.end) != life) continue;
        waiting.token = digest_.TokenTold(operation.end);
      } else {
        waiting.until =
            std::min(WaitedUntil(digest_, operation), NotGrantedUntil(index, operation, key));
      }
      waiting_.push_back(waiting);
      places_.try_emplace({index, life}, waiting.place);
    }
  }

  // Until when the lease surely had not been granted.
  Time NotGrantedUntil(std::size_t index, const Operation& operation, const KeyDigest& key) const {
    if (digest_.RefusedFor(operation, Reason::kWaitTimeout)) return kForever;
    if (evidence_.lease(index).told != kNone) return evidence_.bounds[index].granted_from;
    const auto& expire = digest_.As<AcquireCalled>(operation.called)->expire;
    const Time waited_at = std::max(digest_.at(operation.called),
                                    SentFrom(digest_, operation.client, operation.last_queued));
    Time until = expire.has_value()
                     ? waited_at + *expire / 1'000 * (1'000 - digest_.rules().clock_rate)
                     : kForever;
    for (const std::size_t force : key.forces) {
      const std::size_t called = evidence_.operation(force).called;
      if (called > operation.first_queued) {
        until = std::min(until, digest_.at(called));
        break;
      }
    }
    return until;
  }

  void AddWinner(std::size_t index) {
    const LeaseDigest& lease = evidence_.lease(index);
    winners_.push_back({.lease = index,
                        .asked = digest_.FirstGrantingCall(lease),
                        .told = lease.told,
                        .life = digest_.LifeAt(lease.told),
                        .token = lease.token,
                        .told_at = digest_.at(lease.told),
                        .granted_from = evidence_.bounds[index].granted_from});
  }

  void Complain(const Waiting& waiting, const Winner& winner, Report& report) {
    report.Add(evidence_.Describe(winner.lease) + " was granted before the place " +
                   std::to_string(waiting.place) + ", which is ahead of it",
               {waiting.told, winner.told});
  }

  // Those who asked when another had its place already.
  void CheckLaterAsked(Report& report) {
    std::sort(waiting_.begin(), waiting_.end(),
              [](const Waiting& a, const Waiting& b) { return a.told < b.told; });
    std::sort(winners_.begin(), winners_.end(),
              [](const Winner& a, const Winner& b) { return a.asked < b.asked; });
    Ahead ahead(1);
    auto next = waiting_.begin();
    for (const Winner& winner : winners_) {
      if (winner.asked == kNone) continue;
      for (; next != waiting_.end() && next->told < winner.asked; ++next) ahead.Add(0, *next);
      const Waiting* passed_over = ahead.PassedOver(1, winner);
      if (passed_over == nullptr) continue;
      Complain(*passed_over, winner, report);
      reported_.push_back(winner.lease);
    }
  }

  // Those who have places in one life of the server.
  void CheckPlaces(Report& report) {
    std::sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
      return std::pair(a.life, a.open_from) < std::pair(b.life, b.open_from);
    });
    std::sort(winners_.begin(), winners_.end(),
              [](const Winner& a, const Winner& b) { return a.granted_from < b.granted_from; });
    std::sort(reported_.begin(), reported_.end());
    for (auto begin = waiting_.begin(); begin != waiting_.end();) {
      const auto end = std::find_if(begin, waiting_.end(),
                                    [&](const Waiting& w) { return w.life != begin->life; });
      CheckLife(begin, end, report);
      begin = end;
    }
  }

  void CheckLife(std::vector<Waiting>::const_iterator begin,
                 std::vector<Waiting>::const_iterator end, Report& report) {
    std::vector<std::uint64_t> ranks;
    for (auto it = begin; it != end; ++it) ranks.push_back(it->place);
    std::sort(ranks.begin(), ranks.end());
    const auto rank_of = [&](std::uint64_t place) {
      return static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), place) -
                                      ranks.begin());
    };
    Ahead ahead(ranks.size());
    const std::size_t life = begin->life;
    auto next_winner = std::partition_point(
        winners_.begin(), winners_.end(), [&](const Winner& winner) { return winner.life < life; });
    for (; next_winner != winners_.end() && next_winner->life == life; ++next_winner) {
      const Winner& winner = *next_winner;
      const auto place = places_.find({winner.lease, life});
      if (place == places_.end()) continue;
      for (; begin != end && begin->open_from < winner.granted_from; ++begin) {
        ahead.Add(rank_of(begin->place), *begin);
      }
      const Waiting* passed_over = ahead.PassedOver(rank_of(place->second), winner);
      if (passed_over == nullptr ||
          std::binary_search(reported_.begin(), reported_.end(), winner.lease)) {
        continue;
      }
      Complain(*passed_over, winner, report);
    }
  }

  const Evidence& evidence_;
  const Digest& digest_;
  std::vector<Waiting> waiting_;
  std::vector<Winner> winners_;
  absl::flat_hash_map<std::pair<std::size_t, std::size_t>, std::uint64_t>
      places_;                         // By lease and life.
  std::vector<std::size_t> reported_;  // Leases.
};

// Goes through the history once, with the largest place of this life that was told.
class PlaceNumbers {
 public:
  PlaceNumbers(const Evidence& evidence, Report& report)
      : evidence_(evidence), digest_(evidence.digest), report_(report) {}

  void Check() {
    if (digest_.places().empty()) return;
    auto place = digest_.places().begin();
    for (const Operation& operation : digest_.operations()) {
      if (operation.kind != Kind::kAcquire) continue;
      for (; place != digest_.places().end() && place->event < operation.called; ++place) {
        Tell(*place);
      }
      Enter(digest_.LifeAt(operation.called));
      asked_.try_emplace(operation.lease, Asked{operation.called, life_, largest_, largest_told_});
    }
    for (; place != digest_.places().end(); ++place) Tell(*place);
  }

 private:
  // When the lease was asked for first. (If that was in an earlier life, its call may
  // still have been on its way when this one began.)
  struct Asked {
    std::size_t event;
    std::size_t life;
    std::uint64_t largest;
    std::size_t largest_told;
  };
  struct Owner {
    std::size_t lease;
    std::size_t told;
  };

  void Enter(std::size_t life) {
    if (life == life_) return;
    life_ = life;
    largest_ = 0;
    largest_told_ = kNone;
  }

  void Tell(const Digest::Place& place) {
    const Operation& operation = evidence_.operation(place.operation);
    const std::size_t life = digest_.LifeAt(place.event);
    if (life != digest_.LifeAt(operation.called)) return;
    Enter(life);
    const std::uint64_t number = digest_.As<Queued>(place.event)->queue_sequence;
    const auto mine = own_.try_emplace({operation.lease, life}, std::pair(number, place.event));
    if (!mine.second) {
      if (mine.first->second.first != number) {
        report_.Add(evidence_.Describe(operation.lease) + " has two places",
                    {mine.first->second.second, place.event});
      }
      return;
    }
    const auto owner = owners_.try_emplace({number, life}, Owner{operation.lease, place.event});
    if (!owner.second) {
      report_.Add(evidence_.Describe(operation.lease) + " has the place of " +
                      evidence_.Describe(owner.first->second.lease),
                  {owner.first->second.told, place.event});
    } else if (const auto asked = asked_.find(operation.lease);
               asked->second.life == life && asked->second.largest > number) {
      report_.Add(evidence_.Describe(operation.lease) + " has a place ahead of one told before",
                  {asked->second.largest_told, asked->second.event, place.event});
    }
    if (number > largest_) {
      largest_ = number;
      largest_told_ = place.event;
    }
  }

  const Evidence& evidence_;
  const Digest& digest_;
  Report& report_;
  std::size_t life_ = 0;
  std::uint64_t largest_ = 0;
  std::size_t largest_told_ = kNone;
  absl::flat_hash_map<std::size_t, Asked> asked_;  // By lease.
  absl::flat_hash_map<std::pair<std::size_t, std::size_t>, std::pair<std::uint64_t, std::size_t>>
      own_;                                                                   // By lease and life.
  absl::flat_hash_map<std::pair<std::uint64_t, std::size_t>, Owner> owners_;  // By place, life.
};

}  // namespace

void CheckFifo(const Evidence& evidence, Report& report) {
  PlaceNumbers(evidence, report).Check();
  for (const KeyDigest& key : evidence.digest.keys()) KeyQueue(evidence, key).Check(report);
}

}  // namespace holdfast::history
