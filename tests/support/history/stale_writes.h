// Counts what goes wrong where nobody checks the fencing token.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_STALE_WRITES_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_STALE_WRITES_H_

#include <cstdint>
#include <string_view>

#include "tests/support/history/history.h"

namespace holdfast::history {

// How many accepted writes of the resource came after one with a larger token. Of a
// resource that checks tokens each of them is a violation of I3.
std::uint64_t StaleWrites(const History& history, std::string_view resource);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_STALE_WRITES_H_
