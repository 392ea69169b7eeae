// What the checker may take for granted about a run. Plain values,
// thread-compatible.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_RULES_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_RULES_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "tests/support/history/history.h"

namespace holdfast::history {

struct Rules {
  // I7: a free lock is granted to a live waiter within this,
  Duration grant_within = std::chrono::milliseconds(100);

  // and a lock is free this long after its holder's expire at the latest.
  Duration lapse_within = std::chrono::seconds(1);

  // The longest that a message that arrives is on its way, with what it waits for a
  // processor on both sides; and within which a side notices that a connection has
  // broken. Only I5 and I7 use it.
  Duration network{};

  // I7 is checked from here on; kForever: not at all.
  Time liveness_from{};

  // By how much the server's clock may be faster or slower than the history's, in
  // thousandths.
  std::int64_t clock_rate = 2;

  // For how long at least the server remembers that an id has ended. Zero: do not
  // count on it.
  Duration ended_kept = std::chrono::minutes(5);

  // The network may deliver a request twice, without an operation in the history for
  // the second one.
  bool requests_may_repeat = false;

  // The network may lose an answer and keep the connection, so that its caller goes on
  // waiting for it.
  bool answers_may_be_lost = false;

  // Resources that ignore the token: see StaleWrites.
  std::set<std::string> unfenced;

  // I6: leases that are meant to be there at the end.
  std::uint64_t leases_that_stay = 0;

  // Of one invariant, at most this many violations are reported.
  std::size_t max_violations = 100;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_RULES_H_
