#include "services/lock/engine/place_counter.h"

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

}  // namespace holdfast
