// Counts those who stand before a place in a queue that grows at its end and loses
// places anywhere, each in logarithmic time: a Fenwick tree, whose node i holds the
// number of taken places among the last (i & -i) up to i.
//
// A place that was given up is not used again. When most have been, the owner
// begins anew with those who are left. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_PLACE_COUNTER_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_PLACE_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast {

class PlaceCounter {
 public:
  // Takes the place behind all others. Returns its number, from 1.
  std::uint32_t Take();

  // REQUIRES: `place` is taken.
  void GiveUp(std::uint32_t place);

  // How many places up to and with this one are taken.
  std::uint32_t TakenThrough(std::uint32_t place) const;

  // How many have ever been taken.
  std::size_t size() const { return nodes_.size(); }

  // As if none had been.
  void Clear() { nodes_ = {}; }

 private:
  std::vector<std::uint32_t> nodes_;  // Node i at i - 1.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_PLACE_COUNTER_H_
