// Histories, and the violations found in them, as text. A history has one event a line:
//
//   1200350 3 17 AcquireCalled key=orders lease_id=0b9f expire=2000000000 timeout=0
//   1310020 3 17 Granted fencing_token=5 valid_until=2001200350
//
// that is the time in nanoseconds, the client, the operation, what happened, and its
// fields by name. Durations and times are nanoseconds, `forever` is kForever, and a field
// that is absent is left out. In strings, everything but letters, digits and -._:/@ is
// written as % and two hexadecimal digits. A line that begins with # is a remark.
//
// Each line stands for itself, so that several processes can append to one file, and a
// line is there or not, whenever its writer is killed. Pure functions.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_TEXT_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/support/history/history.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

// Without the end of the line.
std::string ToText(const Event& event);

// INVALID_ARGUMENT: `line` is not what ToText writes.
absl::StatusOr<Event> FromText(std::string_view line);

// For people to read: one line that says what is wrong, and one for each of the events, with
// its index.
std::string Explain(const History& history, const Violation& violation);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_TEXT_H_
