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
  if (rows_ == nullptr) rows_ = std::make_unique<Rows>();
  rows_->places.emplace(waiter.sequence, &waiter);
  waiter.place = rows_->counter.Take();
  UpdateParked(waiter);
}

void WaitQueue::Remove(Waiter& waiter) {
  rows_->places.erase(waiter.sequence);
  rows_->ready.erase(waiter.sequence);
  rows_->counter.GiveUp(waiter.place);
  if (rows_->places.empty()) {
    rows_.reset();
  } else if (rows_->counter.size() >= std::max(kMinPlacesRemembered, 2 * rows_->places.size())) {
    Renumber();
  }
}

void WaitQueue::Renumber() {
  rows_->counter.Clear();
  for (const auto& [sequence, waiter] : rows_->places) waiter->place = rows_->counter.Take();
}

void WaitQueue::UpdateParked(Waiter& waiter) {
  if (waiter.parked()) {
    rows_->ready.erase(waiter.sequence);
  } else {
    rows_->ready.emplace(waiter.sequence, &waiter);
  }
}

Waiter* WaitQueue::FirstReady() const {
  if (empty()) return nullptr;
  return rows_->ready.empty() ? nullptr : rows_->ready.begin()->second;
}

const WaitQueue::Places& WaitQueue::places() const {
  static const Places& none = *new Places;
  return empty() ? none : rows_->places;
}

}  // namespace holdfast
