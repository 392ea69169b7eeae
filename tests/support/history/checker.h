// Checks that a history keeps the invariants of a lock service.
//
// A violation is reported only where no run of a correct service (lock_spec.h) can
// have looked like this to its parties: where a request was or was not carried out,
// and when, is not known, the checker assumes what excuses the service. What each
// invariant means, and what cannot be seen from outside, is said in the file that
// checks it:
//
//   I1 check_tokens.cc       tokens rise and are never used again
//   I2 check_exclusion.cc    holds do not overlap, by the holders' own clocks
//   I3 check_fencing.cc      a fenced resource takes nothing old after something new
//   I4 check_durability.cc   what was acknowledged stays so
//   I5 check_fifo.cc         live waiters are granted in the order of their places
//   I6 check_quiet.cc        nothing is left over when everybody has gone
//   I7 check_liveness.cc     a free lock with a live waiter is granted at once
//   I8 check_lapse.cc        no lease lapses early
//
// and, of the history itself, digest.cc: a call that ends twice is a fault of the
// recorder, and is reported too.
//
// One fault of a service breaks several invariants at once: expect more than one
// finding. Time: in proportion to n log n. Pure functions.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_CHECKER_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_CHECKER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/support/history/history.h"
#include "tests/support/history/rules.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

// In the order of the list above; empty if all is well. If the history is malformed,
// that alone is reported, because nothing else can be relied on.
std::vector<Violation> Check(const History& history, const Rules& rules);

// How many accepted writes of the resource came after one with a larger token. Of a
// resource that checks tokens each of them is a violation of I3; of one that does not, they
// are what can happen to it.
std::uint64_t StaleWrites(const History& history, std::string_view resource);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_CHECKER_H_
