#include "tests/support/history/possible_holders.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tests/support/history/waits.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

struct PossibleHold {
  Span span;
  std::size_t because = kNone;  // The event that its end is derived from.
};

// The longest that the lease may last without a sign; kForever if it need not end.
Duration LongestExpire(const Digest& digest, const LeaseDigest& lease) {
  Duration longest{};
  for (const std::size_t index : lease.operations) {
    const Operation& operation = digest.operations()[index];
    if (const auto* acquire = digest.As<AcquireCalled>(operation.called)) {
      longest = std::max(longest, acquire->expire.value_or(kForever));
    } else if (const auto* renew = digest.As<RenewCalled>(operation.called)) {
      longest = std::max(longest, renew->expire.value_or(Duration{}));
    }
  }
  return longest;
}

// The lapse of a lease of which there was a sign at `sign` at the latest.
Time LapsedBy(const Digest& digest, Time sign, Duration expire) {
  if (expire == kForever) return kForever;
  const Rules& rules = digest.rules();
  const Duration slow = expire / 1'000 * (1'000 + rules.clock_rate) + rules.lapse_within;
  Time lapsed = sign + slow;
  const std::vector<ServerGap>& gaps = digest.server_gaps();
  auto gap = std::partition_point(gaps.begin(), gaps.end(), [&](const ServerGap& g) {
    return g.started != kNone && digest.at(g.started) < sign;
  });
  for (; gap != gaps.end() && digest.at(gap->first_stopped) <= lapsed; ++gap) {
    if (gap->started == kNone) return kForever;
    const Time started = digest.at(gap->started);
    lapsed = std::max(lapsed, started + (gap->pause ? rules.lapse_within : slow));
  }
  return lapsed;
}

// When the lease can first have been granted.
Time HeldFrom(const Digest& digest, const LeaseDigest& lease) {
  const std::size_t asked = digest.FirstGrantingCall(lease);
  Time from = asked == kNone ? Time::min() : digest.at(asked);
  Time silent = lease.told == kNone ? kForever : digest.at(lease.told);
  for (const std::size_t index : lease.operations) {
    const Operation& operation = digest.operations()[index];
    if (operation.called > lease.told) break;
    if (operation.end == lease.told) {
      silent = std::min(silent, SilentUntil(digest, operation));
    }
    if (operation.kind != Kind::kAcquire) continue;
    // Whichever of its calls was granted first, nobody was told.
    if (digest.MayHaveEffect(operation)) {
      silent =
          std::min(silent, digest.rules().answers_may_be_lost ? digest.at(operation.called)
                                                              : SilentUntil(digest, operation));
    }
    // It still waited when this was sent.
    if (operation.last_queued < lease.told) {
      from = std::max(from, SentFrom(digest, operation.client, operation.last_queued));
    }
  }
  return std::max(from, silent);
}

// Absent if the lease was surely never granted.
std::optional<PossibleHold> HoldOf(const Digest& digest, const LeaseDigest& lease,
                                   const LeaseEnd& end) {
  if (lease.told == kNone && digest.FirstGrantingCall(lease) == kNone) return std::nullopt;
  Time sign = Time::min();
  std::size_t because = lease.told;
  for (const std::size_t index : lease.operations) {
    const Operation& operation = digest.operations()[index];
    if (operation.kind != Kind::kAcquire && operation.kind != Kind::kRenew) continue;
    if (!digest.MayHaveEffect(operation)) continue;
    if (const Time arrived = ArrivedBy(digest, operation); arrived > sign) {
      sign = arrived;
      because = operation.called;
    }
  }
  PossibleHold hold{.span = {.from = HeldFrom(digest, lease),
                             .to = LapsedBy(digest, sign, LongestExpire(digest, lease))},
                    .because = because};
  if (end.shown != kNone && digest.at(end.shown) < hold.span.to) {
    hold.span.to = digest.at(end.shown);
    hold.because = end.shown;
  }
  return hold;
}

// When a lease with a larger token was granted, this one had ended.
void EndWithSuccessors(const Digest& digest, const KeyDigest& key,
                       std::vector<PossibleHold>& by_lease) {
  std::size_t successor = kNone;  // The event that first told of one.
  for (auto lease = key.granted.rbegin(); lease != key.granted.rend(); ++lease) {
    PossibleHold& hold = by_lease[*lease];
    if (successor != kNone && digest.at(successor) < hold.span.to) {
      hold.span.to = digest.at(successor);
      hold.because = successor;
    }
    successor = std::min(successor, digest.leases()[*lease].told);
  }
}

}  // namespace

std::vector<std::vector<FreeSpan>> FreeSpansOf(const Digest& digest,
                                               const std::vector<LeaseEnd>& ends) {
  std::vector<PossibleHold> by_lease(digest.leases().size());
  for (std::size_t index = 0; index < by_lease.size(); ++index) {
    const auto hold = HoldOf(digest, digest.leases()[index], ends[index]);
    if (hold.has_value()) by_lease[index] = *hold;
  }
  std::vector<std::vector<FreeSpan>> all(digest.keys().size());
  for (std::size_t key = 0; key < all.size(); ++key) {
    EndWithSuccessors(digest, digest.keys()[key], by_lease);
    std::vector<PossibleHold> holds;
    for (const std::size_t lease : digest.keys()[key].leases) {
      if (by_lease[lease].span.from < by_lease[lease].span.to) holds.push_back(by_lease[lease]);
    }
    std::sort(holds.begin(), holds.end(), [](const PossibleHold& a, const PossibleHold& b) {
      return a.span.from < b.span.from;
    });
    FreeSpan free{.span = {.from = Time::min()}};
    for (const PossibleHold& hold : holds) {
      if (free.span.from < hold.span.from) {
        free.span.to = hold.span.from;
        all[key].push_back(free);
      }
      if (hold.span.to > free.span.from) {
        free = {.span = {.from = hold.span.to}, .because = hold.because};
      }
    }
    free.span.to = kForever;
    if (free.span.from < free.span.to) all[key].push_back(free);
  }
  return all;
}

}  // namespace holdfast::history
