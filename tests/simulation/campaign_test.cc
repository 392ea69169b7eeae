// What is printed of a run that found something lets its reader go on from there.

#include "tests/simulation/campaign.h"

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::simulation {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Written to by client after client, one a second.
history::History LongHistory() {
  history::History history;
  for (std::uint32_t i = 1; i <= 500; ++i) {
    history.push_back({.time = std::chrono::seconds(i),
                       .client = i,
                       .what = history::Written{.resource = "r" + std::to_string(i)}});
  }
  return history;
}

std::string Printed(const RunResult& result) {
  std::ostringstream out;
  PrintFindings(17, result, out);
  return out.str();
}

TEST(PrintFindingsTest, SaysWhatWasFoundAndHowToSeeItAgain) {
  const std::string printed = Printed({.findings = {"two holders", "and more"}});
  EXPECT_THAT(printed, HasSubstr("two holders"));
  EXPECT_THAT(printed, HasSubstr("and more"));
  EXPECT_THAT(printed, HasSubstr("./dev simulate --seed=17 --trace"));
}

TEST(PrintFindingsTest, ShowsThePartOfTheHistoryThatItIsAbout) {
  const std::string printed =
      Printed({.history = LongHistory(), .findings = {"two holders"}, .events = {180, 200}});
  EXPECT_THAT(printed, HasSubstr("resource=r201 "));  // The event 200.
  EXPECT_THAT(printed, HasSubstr("resource=r181 "));
  EXPECT_THAT(printed, Not(HasSubstr("resource=r100 ")));
  EXPECT_THAT(printed, Not(HasSubstr("resource=r300 ")));
}

TEST(PrintFindingsTest, ShowsTheEndIfItIsAboutNoEvent) {
  const std::string printed = Printed({.history = LongHistory(), .findings = {"stuck"}});
  EXPECT_THAT(printed, HasSubstr("resource=r500 "));
  EXPECT_THAT(printed, Not(HasSubstr("resource=r400 ")));
}

}  // namespace
}  // namespace holdfast::simulation
