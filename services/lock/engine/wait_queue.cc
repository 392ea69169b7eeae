#include "services/lock/engine/wait_queue.h"

#include <algorithm>
#include <iterator>

namespace holdfast {

bool Waiter::reports_queue() const {
  return std::any_of(calls.begin(), calls.end(),
                     [](const WaitingCall& call) { return call.report_queue; });
}

void WaitQueue::Add(Waiter& waiter) {
  places_.emplace(waiter.sequence, &waiter);
  UpdateParked(waiter);
}

void WaitQueue::Remove(Waiter& waiter) {
  places_.erase(waiter.sequence);
  ready_.erase(waiter.sequence);
}

void WaitQueue::UpdateParked(Waiter& waiter) {
  if (waiter.parked()) {
    ready_.erase(waiter.sequence);
  } else {
    ready_.emplace(waiter.sequence, &waiter);
  }
}

Waiter* WaitQueue::FirstReady() const { return ready_.empty() ? nullptr : ready_.begin()->second; }

std::uint32_t WaitQueue::PositionOf(const Waiter& waiter) const {
  const auto ahead = std::distance(places_.begin(), places_.find(waiter.sequence));
  return static_cast<std::uint32_t>(ahead) + 1;
}

}  // namespace holdfast
