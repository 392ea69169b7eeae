#include "clients/cli/output/span.h"

#include <chrono>

#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

TEST(ParseSpanTest, ReadsNumbersWithUnits) {
  EXPECT_EQ(*ParseSpan("500ms"), 500ms);
  EXPECT_EQ(*ParseSpan("10s"), 10s);
  EXPECT_EQ(*ParseSpan("1h30m"), 90min);
  EXPECT_EQ(*ParseSpan("0s"), 0s);
  EXPECT_EQ(*ParseSpan("1.5s"), 1500ms);
}

TEST(ParseSpanTest, BareNumbersAreSeconds) {
  EXPECT_EQ(*ParseSpan("10"), 10s);
  EXPECT_EQ(*ParseSpan("0"), 0s);
  EXPECT_EQ(*ParseSpan("1.5"), 1500ms);
}

TEST(ParseSpanTest, RefusesWhatIsNoSpan) {
  for (const char* text : {"", "soon", "10x", "inf", "-inf", "s", ".", "1.2.3", " 1", "1 "}) {
    EXPECT_FALSE(ParseSpan(text).ok()) << text;
  }
}

TEST(FormatSpanTest, ShowsTwoUnitsAtMostAndRoundsDown) {
  EXPECT_EQ(FormatSpan(0s), "0ms");
  EXPECT_EQ(FormatSpan(999'999us), "999ms");
  EXPECT_EQ(FormatSpan(1s), "1.0s");
  EXPECT_EQ(FormatSpan(29'599ms), "29.5s");
  EXPECT_EQ(FormatSpan(59'999ms), "59.9s");
  EXPECT_EQ(FormatSpan(60s), "1m00s");
  EXPECT_EQ(FormatSpan(4min + 10s), "4m10s");
  EXPECT_EQ(FormatSpan(3h + 5min + 59s), "3h05m");
  EXPECT_EQ(FormatSpan(52h), "2d4h");
  EXPECT_EQ(FormatSpan(-1500ms), "-1.5s");
  EXPECT_EQ(FormatSpan(Duration::max()), "106751d23h");
  EXPECT_EQ(FormatSpan(Duration::min()), "-106751d23h");
}

}  // namespace
}  // namespace holdfast::cli
