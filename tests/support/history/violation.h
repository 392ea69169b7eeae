// What the checker has found. Plain values, thread-compatible.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_VIOLATION_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_VIOLATION_H_

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::history {

enum class Invariant {
  kMalformed,     // No fault of the service, but of whoever recorded the history.
  kTokens,        // I1
  kExclusion,     // I2
  kFencing,       // I3
  kDurability,    // I4
  kFifo,          // I5
  kQuiet,         // I6
  kLiveness,      // I7
  kNoEarlyLapse,  // I8
  kLinearizable,  // Reported by linearizability.h alone.
};

// "I1 tokens" and the like.
inline const char* Name(Invariant invariant) {
  switch (invariant) {
    case Invariant::kMalformed:
      return "malformed history";
    case Invariant::kTokens:
      return "I1 tokens";
    case Invariant::kExclusion:
      return "I2 exclusion";
    case Invariant::kFencing:
      return "I3 fencing";
    case Invariant::kDurability:
      return "I4 durability";
    case Invariant::kFifo:
      return "I5 first in, first out";
    case Invariant::kQuiet:
      return "I6 nothing left over";
    case Invariant::kLiveness:
      return "I7 liveness";
    case Invariant::kNoEarlyLapse:
      return "I8 no early lapse";
    case Invariant::kLinearizable:
      return "linearizable for no order";
  }
  return "?";
}

struct Violation {
  Invariant invariant{};
  std::string message;
  // Where to look: indices of the history, in rising order.
  std::vector<std::size_t> events;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_VIOLATION_H_
