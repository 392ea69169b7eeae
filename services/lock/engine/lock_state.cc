#include "services/lock/engine/lock_state.h"

#include <algorithm>

#include "services/lock/engine/sessions.h"

namespace holdfast {
namespace {

// Zero if the clock was set back. `then` was stored, and may be anything.
Duration SinceWall(WallTime then, WallTime now) {
  if (then >= now) return Duration::zero();
  const auto span = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then);
  const auto most = static_cast<std::uint64_t>(Duration::max().count());
  return Duration(static_cast<Duration::rep>(std::min(span, most)));
}

}  // namespace

Instant HeldLease::Began() const {
  // Who has not acknowledged the grant does not know that it has been renewed.
  const bool renewed = session != nullptr && delivered && session->renewals != renewals_before;
  return renewed ? std::max(began, session->renewed) : began;
}

std::optional<Instant> HeldLease::Lapses() const {
  const LeaseSpec& spec = record.spec;
  std::optional<Instant> lapses;
  if (spec.expire.has_value()) lapses = Began() + *spec.expire;
  if (spec.max_hold.has_value()) {
    const Instant longest = granted + *spec.max_hold;
    lapses = std::min(lapses.value_or(longest), longest);
  }
  return lapses;
}

std::optional<Duration> HeldLease::RemainingAt(Instant now) const {
  const std::optional<Instant> lapses = Lapses();
  if (!lapses.has_value()) return std::nullopt;
  return std::max(Duration::zero(), *lapses - now);
}

LeaseView HeldLease::ViewFor(Instant received, const Now& now) const {
  return {.lease = record,
          .remaining = RemainingAt(now.monotonic),
          .elapsed = std::max(Duration::zero(), now.monotonic - received)};
}

HolderView HeldLease::PublicView(const Now& now) const {
  const Duration held_for =
      restored ? SinceWall(record.granted_at, now.wall) : now.monotonic - granted;
  return {.owner = record.spec.owner,
          .fencing_token = record.fencing_token,
          .tags = record.spec.tags,
          .expire = record.spec.expire,
          .remaining = RemainingAt(now.monotonic),
          .held_since = record.granted_at,
          .held_for = std::max(Duration::zero(), held_for),
          .principal = record.principal};
}

std::vector<HolderView> LockState::HolderViews(const Now& now) const {
  std::vector<HolderView> views;
  views.reserve(holders.size());
  for (const HeldLease* lease : holders) views.push_back(lease->PublicView(now));
  return views;
}

LockView LockState::View(const Now& now, std::size_t max_waiters) const {
  LockView view{.key = key,
                .holders = HolderViews(now),
                .queue_length = static_cast<std::uint32_t>(queue.size()),
                .waiters = {}};
  std::uint32_t position = 0;
  for (const auto& [sequence, waiter] : queue.places()) {
    if (view.waiters.size() == max_waiters) break;
    view.waiters.push_back({.owner = waiter->spec.owner,
                            .tags = waiter->spec.tags,
                            .position = ++position,
                            .waiting_for = now.monotonic - waiter->queued,
                            .parked = waiter->parked(),
                            .principal = waiter->principal});
  }
  return view;
}

}  // namespace holdfast
