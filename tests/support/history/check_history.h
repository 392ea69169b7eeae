// The program check_history, but for its main().

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_CHECK_HISTORY_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_CHECK_HISTORY_H_

#include <iosfwd>
#include <string>
#include <vector>

namespace holdfast::history {

// What check_history does with these arguments; returns its exit code: 0 if the history
// keeps the invariants, 1 if not, 2 if it cannot be read or the arguments are wrong.
int CheckHistory(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_CHECK_HISTORY_H_
