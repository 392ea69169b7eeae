// Whether the operations on a key can be put in one order that a lock (lock_spec.h)
// could have carried out, and that respects real time: what was answered before another
// was called comes first.
//
// The search is exhaustive, after Wing and Gong, with a memory of where it has been. A
// call that was not answered takes its effect at any moment after it was called, or
// never; so do the lapses and cancellations of the specification, within its times.
// Every order is tried at the earliest moments that it can have, because the only things
// that must not happen too early are lapses.
//
// This finds what the checker's rules, each of which looks at a few events, may not: it
// is the check for short histories, and the check on the checker. What it cannot see is
// said in lock_spec.h: FIFO and liveness.
//
// Cost: in the worst case, of n calls that all overlap, 2^n times the states of the lock;
// where calls overlap with few others, little more than n. See the limits, and
// linearizability_test.cc for figures.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_LINEARIZABILITY_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_LINEARIZABILITY_H_

#include <cstddef>
#include <vector>

#include "tests/support/history/history.h"
#include "tests/support/history/rules.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

struct SearchLimits {
  // Keys with more calls than this are left out. At most 64.
  std::size_t operations = 24;

  // A key that needs more steps than this is given up; a step takes about a microsecond.
  std::size_t steps = 500'000;
};

struct SearchResult {
  // At most one for each key: its events are those of a call that fits nowhere.
  std::vector<Violation> violations;

  std::size_t keys_checked = 0;
  // Too many calls, or over a longer time than ended ids are remembered for.
  std::size_t keys_left_out = 0;
  std::size_t keys_given_up = 0;
  std::size_t steps = 0;
};

// A malformed history is reported as by Check. Pure function.
SearchResult CheckLinearizable(const History& history, const Rules& rules,
                               const SearchLimits& limits = {});

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_LINEARIZABILITY_H_
