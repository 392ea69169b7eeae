// Violations for people to read.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_EXPLAIN_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_EXPLAIN_H_

#include <string>

#include "tests/support/history/history.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

// One line that says what is wrong, and one for each of the events, with its index and as
// text (history_text.h).
std::string Explain(const History& history, const Violation& violation);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_EXPLAIN_H_
