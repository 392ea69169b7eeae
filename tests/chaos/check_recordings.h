// What the files that everybody has recorded to say of the server.

#ifndef HOLDFAST_TESTS_CHAOS_CHECK_RECORDINGS_H_
#define HOLDFAST_TESTS_CHAOS_CHECK_RECORDINGS_H_

#include <string>
#include <vector>

#include "tests/chaos/scenario.h"
#include "tests/support/history/rules.h"

namespace holdfast::chaos {

// Merges the files by time, checks the history, and adds findings and figures to the
// report. On a finding, the history is kept in a file that the findings name.
void CheckRecordings(const std::vector<std::string>& files, const history::Rules& rules,
                     const std::string& name, ScenarioReport& report);

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_CHECK_RECORDINGS_H_
