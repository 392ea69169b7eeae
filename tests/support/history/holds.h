// When clients held their leases, as they themselves saw it.
//
// A hold begins when the holder is told Granted or Renewed, and ends at valid_until,
// which the next answer moves. (Of several answers, that of the call made last counts:
// it is the one that knows of the others.) It ends earlier where the holder has called
// Release, where it has declared the lease lost, where somebody has called a
// ForceRelease that ended it, and where its client died. A client that is paused goes on
// holding: that is what fencing tokens are for.
//
// An answer that arrives after its valid_until, or after the hold has ended for one of
// the other reasons, begins none.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_HOLDS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_HOLDS_H_

#include <cstddef>
#include <vector>

#include "tests/support/history/digest.h"
#include "tests/support/history/history.h"
#include "tests/support/history/lease_bounds.h"

namespace holdfast::history {

// A lease has one for each answer, without a gap between them or with one.
struct Hold {
  std::size_t lease = kNone;
  std::size_t event = kNone;  // The answer.
  Time from{};
  Time until{};  // Not included.
};

// By the index of the key; of a key, in the order in which they began.
std::vector<std::vector<Hold>> HoldsOf(const Digest& digest,
                                       const std::vector<LeaseBounds>& bounds);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_HOLDS_H_
