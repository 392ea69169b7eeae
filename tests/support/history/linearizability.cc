#include "tests/support/history/linearizability.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "tests/support/history/digest.h"
#include "tests/support/history/lock_spec.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

// Events of the same time have happened in their order.
struct Moment {
  Time time = Time::min();
  std::size_t event = 0;

  auto operator<=>(const Moment&) const = default;
};

// One call, as the search sees it.
struct Call {
  Request request;
  const What* answer = nullptr;  // Null: not known, and perhaps never carried out.
  Moment from;
  Moment to{.time = kForever};
  std::size_t operation = 0;
};

// A lease that may end as cancelled: a call of it was cut off, and nobody was ever told
// of a grant.
struct Cut {
  std::size_t lease;
  Moment from;
};

// What happened to one key.
struct KeyCalls {
  std::vector<Call> calls;
  std::vector<Cut> cuts;
  std::size_t leases = 0;
};

bool ChangesNothing(const Digest& digest, const Operation& operation) {
  const auto* refused = digest.As<Refused>(operation.end);
  if (refused == nullptr) {
    return operation.kind == Kind::kGet && !digest.Answered(operation);
  }
  return refused->reason == Reason::kUnavailable || refused->reason == Reason::kInvalid ||
         refused->reason == Reason::kLimitExceeded || refused->reason == Reason::kLeaseMismatch;
}

class KeyCollector {
 public:
  explicit KeyCollector(const Digest& digest) : digest_(digest) {}

  KeyCalls Collect(const KeyDigest& key) const {
    KeyCalls collected{.leases = key.leases.size()};
    for (std::size_t i = 0; i < key.leases.size(); ++i) {
      const LeaseDigest& lease = digest_.leases()[key.leases[i]];
      for (const std::size_t operation : lease.operations) {
        Add(operation, i, lease.token, collected);
      }
    }
    for (const std::size_t force : key.forces) Add(force, 0, 0, collected);
    for (const std::size_t get : key.gets) Add(get, 0, 0, collected);
    std::sort(collected.calls.begin(), collected.calls.end(),
              [](const Call& a, const Call& b) { return a.from < b.from; });
    return collected;
  }

 private:
  Moment MomentOf(std::size_t event) const { return {.time = digest_.at(event), .event = event}; }

  void Add(std::size_t index, std::size_t lease, std::uint64_t token, KeyCalls& collected) const {
    const Operation& operation = digest_.operations()[index];
    const bool repeats = digest_.rules().requests_may_repeat && operation.kind != Kind::kGet;
    if (ChangesNothing(digest_, operation) && !repeats) return;
    Call call{.request = {.what = digest_.history()[operation.called].what,
                          .lease = lease,
                          .its_token = token},
              .from = MomentOf(operation.called),
              .operation = index};
    const bool answered = digest_.Answered(operation) && !ChangesNothing(digest_, operation);
    if (operation.kind == Kind::kAcquire && token == 0 && (!answered || repeats)) {
      // The server may have noticed before its caller did.
      collected.cuts.push_back({.lease = lease, .from = call.from});
    }
    if (repeats && answered) collected.calls.push_back(call);
    if (answered) {
      call.answer = &digest_.history()[operation.end].what;
      call.to = MomentOf(operation.end);
    }
    collected.calls.push_back(std::move(call));
  }

  const Digest& digest_;
};

class Search {
 public:
  Search(const KeyCalls& key, const LockSpec& spec, std::size_t max_steps)
      : key_(key), spec_(spec), max_steps_(max_steps) {
    for (std::size_t i = 0; i < key.calls.size(); ++i) {
      if (key.calls[i].answer != nullptr) answered_ |= std::uint64_t{1} << i;
    }
  }

  enum class Verdict { kFits, kDoesNotFit, kGivenUp };

  Verdict Run() {
    LockState start{.leases = std::vector<Phase>(key_.leases, Phase::kUnknown)};
    if (Fits(0, start, Moment{})) return Verdict::kFits;
    return steps_ > max_steps_ ? Verdict::kGivenUp : Verdict::kDoesNotFit;
  }

  std::size_t steps() const { return steps_; }

  // Of the attempt that got furthest, the call that had to come next.
  std::size_t misfit() const { return misfit_; }

 private:
  // Whether all answered calls that are not in `done` can follow, from `now` on.
  bool Fits(std::uint64_t done, const LockState& state, Moment now) {
    if ((answered_ & ~done) == 0) return true;
    if (++steps_ > max_steps_) return false;
    if (!visited_.insert(Key(done, state, now)).second) return false;

    const std::size_t first = FirstToEnd(done);
    Remember(done, first);
    const Moment before = key_.calls[first].to;  // Something must be carried out by then.
    for (std::size_t i = 0; i < key_.calls.size(); ++i) {
      const Call& call = key_.calls[i];
      if (call.from > before) break;
      if ((done >> i & 1) != 0) continue;
      const Moment at = std::max(now, call.from);
      for (const LockState& next : spec_.After(state, call.request, call.answer, at.time)) {
        if (Fits(done | std::uint64_t{1} << i, next, at)) return true;
      }
    }
    return LapseFits(done, state, now, before) || CancelFits(done, state, now, before);
  }

  bool LapseFits(std::uint64_t done, const LockState& state, Moment now, Moment before) {
    if (!state.holder.has_value()) return false;
    const Moment at = std::max(now, Moment{.time = state.lapses_from});
    return at <= before && Fits(done, LockSpec::Lapsed(state), at);
  }

  bool CancelFits(std::uint64_t done, const LockState& state, Moment now, Moment before) {
    for (const Cut& cut : key_.cuts) {
      const Moment at = std::max(now, cut.from);
      if (at > before) continue;
      const std::optional<LockState> next = LockSpec::Cancelled(state, cut.lease);
      if (next.has_value() && Fits(done, *next, at)) return true;
    }
    return false;
  }

  // REQUIRES: an answered call is not done.
  std::size_t FirstToEnd(std::uint64_t done) const {
    std::size_t first = kNone;
    for (std::uint64_t rest = answered_ & ~done; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(rest));
      if (first == kNone || key_.calls[i].to < key_.calls[first].to) first = i;
    }
    return first;
  }

  void Remember(std::uint64_t done, std::size_t first) {
    const int fitted = std::popcount(answered_ & done);
    if (fitted <= most_fitted_) return;
    most_fitted_ = fitted;
    misfit_ = first;
  }

  static std::string Key(std::uint64_t done, const LockState& state, Moment now) {
    std::string key;
    const auto add = [&](auto value) {
      key.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    add(done);
    add(now.time.count());
    add(now.event);
    add(state.token);
    add(state.expire.count());
    add(state.max_hold.count());
    add(state.granted.count());
    add(state.began.count());
    add(state.promised.count());
    add(state.lapses_from.count());
    key += state.token_guessed ? 'g' : 't';
    for (const Phase phase : state.leases) key += static_cast<char>('0' + static_cast<int>(phase));
    return key;
  }

  const KeyCalls& key_;
  const LockSpec& spec_;
  const std::size_t max_steps_;
  std::uint64_t answered_ = 0;
  std::size_t steps_ = 0;
  int most_fitted_ = -1;
  std::size_t misfit_ = kNone;
  absl::flat_hash_set<std::string> visited_;
};

bool IsTooLong(const KeyCalls& key, const Rules& rules, const SearchLimits& limits) {
  if (key.calls.size() > std::min<std::size_t>(limits.operations, 64)) return true;
  Time last{};
  for (const Call& call : key.calls) {
    last = std::max(last, call.to.time == kForever ? call.from.time : call.to.time);
  }
  return !key.calls.empty() && last - key.calls.front().from.time >= rules.ended_kept;
}

}  // namespace

SearchResult CheckLinearizable(const History& history, const Rules& rules,
                               const SearchLimits& limits) {
  SearchResult result;
  const Digest digest(history, rules, result.violations);
  if (!result.violations.empty()) return result;

  std::vector<Time> restarts;
  for (const std::size_t end : digest.life_ends()) restarts.push_back(digest.at(end));
  const LockSpec spec(std::move(restarts), rules.clock_rate);
  const KeyCollector collector(digest);
  for (const KeyDigest& key : digest.keys()) {
    const KeyCalls calls = collector.Collect(key);
    if (IsTooLong(calls, rules, limits)) {
      ++result.keys_left_out;
      continue;
    }
    Search search(calls, spec, limits.steps);
    const Search::Verdict verdict = search.Run();
    result.steps += search.steps();
    if (verdict == Search::Verdict::kGivenUp) {
      ++result.keys_given_up;
      continue;
    }
    ++result.keys_checked;
    if (verdict == Search::Verdict::kFits) continue;
    const Operation& misfit = digest.operations()[calls.calls[search.misfit()].operation];
    result.violations.push_back(
        {.invariant = Invariant::kLinearizable,
         .message = "no lock can have answered all calls of key " + std::string(key.name) +
                    "; of the longest part of them that fits, this one is next",
         .events = {misfit.called, misfit.end}});
  }
  return result;
}

}  // namespace holdfast::history
