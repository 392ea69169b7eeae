#include "services/lock/engine/held_lease.h"

#include <algorithm>

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

std::optional<Duration> HeldLease::RemainingAt(Instant now) const {
  if (!record.spec.expire.has_value()) return std::nullopt;
  return std::max(Duration::zero(), began + *record.spec.expire - now);
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
          .held_for = std::max(Duration::zero(), held_for)};
}

}  // namespace holdfast
