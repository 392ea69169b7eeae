#include "services/lock/engine/wait_queue.h"

#include <algorithm>

namespace holdfast {
namespace {

// The lowest bit that is set: how many places node `i` counts.
std::uint32_t Span(std::uint32_t i) { return i & (~i + 1); }

}  // namespace

std::uint32_t PlaceCounter::Take() {
  const auto place = static_cast<std::uint32_t>(nodes_.size()) + 1;
  // Of the places that its node counts, those before it.
  const std::uint32_t before = TakenThrough(place - 1) - TakenThrough(place - Span(place));
  nodes_.push_back(before + 1);
  return place;
}

void PlaceCounter::GiveUp(std::uint32_t place) {
  for (std::uint32_t i = place; i <= nodes_.size(); i += Span(i)) --nodes_[i - 1];
}

std::uint32_t PlaceCounter::TakenThrough(std::uint32_t place) const {
  std::uint32_t taken = 0;
  for (std::uint32_t i = place; i > 0; i -= Span(i)) taken += nodes_[i - 1];
  return taken;
}

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
