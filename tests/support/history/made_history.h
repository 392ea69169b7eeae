// Makes histories of a service without fault, as long as one likes: many clients that
// take, renew and release many locks, ask for them and wait for them, are cut off and come
// back, force each other's locks open, and see the server restart. For tests of the
// checker, which must find nothing in them. Pure function.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_MADE_HISTORY_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_MADE_HISTORY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tests/support/history/history.h"

namespace holdfast::history {

struct MadeHistory {
  std::size_t operations = 1'000;  // About as many.
  std::uint32_t keys = 10;
  std::uint32_t clients_per_key = 5;
  std::size_t restarts = 2;
  Duration expire = std::chrono::hours(1);  // So long that nothing lapses.
  std::uint64_t seed = 1;
};

History MakeHistory(const MadeHistory& wanted);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_MADE_HISTORY_H_
