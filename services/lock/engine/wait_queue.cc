#include "services/lock/engine/wait_queue.h"

#include <algorithm>

namespace holdfast {

void WaitQueue::Add(Waiter& waiter) {
  places_.emplace(waiter.sequence, &waiter);
  waiter.place = counter_.Take();
  UpdateParked(waiter);
}

void WaitQueue::Remove(Waiter& waiter) {
  places_.erase(waiter.sequence);
  ready_.erase(waiter.sequence);
  counter_.GiveUp(waiter.place);
  if (counter_.size() >= std::max(kMinPlacesRemembered, 2 * places_.size())) Renumber();
}

void WaitQueue::Renumber() {
  counter_.Clear();
  for (const auto& [sequence, waiter] : places_) waiter->place = counter_.Take();
}

void WaitQueue::UpdateParked(Waiter& waiter) {
  if (waiter.parked()) {
    ready_.erase(waiter.sequence);
  } else {
    ready_.emplace(waiter.sequence, &waiter);
  }
}

Waiter* WaitQueue::FirstReady() const { return ready_.empty() ? nullptr : ready_.begin()->second; }

}  // namespace holdfast
