// How long the checker takes for histories of a size that only machines record.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "tests/support/history/checker.h"
#include "tests/support/history/made_history.h"

namespace holdfast::history {
namespace {

void CheckAndTell(const char* what, const MadeHistory& wanted) {
  const History history = MakeHistory(wanted);
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Violation> violations = Check(history, {});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(violations.empty()) << violations.front().message;
  std::printf("%s (%zu events): %.2f s\n", what, history.size(), took.count());
}

TEST(CheckerSpeed, AMillionOperations) {
  CheckAndTell("1,000,000 operations on 1,000 keys",
               {.operations = 1'000'000, .keys = 1'000, .clients_per_key = 20, .restarts = 20});
}

// Whatever takes time in proportion to the square of a queue or of a key's leases would
// not end here.
TEST(CheckerSpeed, ManyOperationsOnOneKey) {
  CheckAndTell("300,000 operations on one key, 1,000 clients",
               {.operations = 300'000, .keys = 1, .clients_per_key = 1'000, .restarts = 3});
}

}  // namespace
}  // namespace holdfast::history
