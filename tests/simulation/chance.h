// All the chance there is in a simulation: one stream of numbers from one seed.
//
// The generator and everything made from it are spelled out here, because the
// distributions of the standard library differ between its implementations, and a seed
// is to mean the same everywhere. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_CHANCE_H_
#define HOLDFAST_TESTS_SIMULATION_CHANCE_H_

#include <cstddef>
#include <cstdint>

#include "tests/support/history/history.h"

namespace holdfast::simulation {

using history::Duration;

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  // SplitMix64.
  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  // At least 0, below `limit`, which is not 0.
  std::uint64_t Below(std::uint64_t limit) { return Next() % limit; }

  bool Permille(unsigned share) { return Below(1000) < share; }

  // From `least` to `most`.
  Duration Between(Duration least, Duration most) {
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration(static_cast<Duration::rep>(Below(span)));
  }

  // From `least` to `most`, where each order of magnitude is as likely as the next.
  // REQUIRES: `least` is positive.
  Duration Skewed(Duration least, Duration most) {
    std::uint64_t doublings = 1;
    for (Duration top = least; top < most; top *= 2) ++doublings;
    const Duration top = least * (1LL << Below(doublings));
    return Between(least, top < most ? top : most);
  }

  template <typename Range>
  const auto& Pick(const Range& range) {
    return range[static_cast<std::size_t>(Below(range.size()))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_CHANCE_H_
