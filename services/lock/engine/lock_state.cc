#include "services/lock/engine/lock_state.h"

namespace holdfast {

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
                            .parked = waiter->parked()});
  }
  return view;
}

}  // namespace holdfast
