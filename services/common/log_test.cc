#include "services/common/log.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

constexpr std::string_view kTime = "2026-01-31T12:00:00.123Z";

std::string LineWith(std::string_view value) {
  return FormatLogLine(LogLevel::kInfo, kTime, "m", {{"k", value}});
}

TEST(FormatLogLineTest, HasLevelTimeMessageAndFields) {
  EXPECT_EQ(FormatLogLine(LogLevel::kWarning, kTime, "no file descriptors",
                          {{"address", "unix:/run/h.sock"}, {"limit", 64}}),
            "level=warning time=2026-01-31T12:00:00.123Z msg=\"no file descriptors\" "
            "address=unix:/run/h.sock limit=64\n");
}

TEST(FormatLogLineTest, EveryLevelHasItsName) {
  EXPECT_THAT(FormatLogLine(LogLevel::kDebug, kTime, "", {}), testing::StartsWith("level=debug "));
  EXPECT_THAT(FormatLogLine(LogLevel::kInfo, kTime, "", {}), testing::StartsWith("level=info "));
  EXPECT_THAT(FormatLogLine(LogLevel::kError, kTime, "", {}), testing::StartsWith("level=error "));
}

TEST(FormatLogLineTest, WritesTheExtremesOfNumbers) {
  const std::string line = FormatLogLine(LogLevel::kInfo, kTime, "m",
                                         {{"least", std::numeric_limits<std::int64_t>::min()},
                                          {"most", std::numeric_limits<std::uint64_t>::max()}});
  EXPECT_THAT(line, testing::HasSubstr("least=-9223372036854775808 most=18446744073709551615"));
}

TEST(FormatLogLineTest, QuotesWhatWouldReadAsSomethingElse) {
  EXPECT_THAT(LineWith("plain/1.5:x,y"), testing::EndsWith(" k=plain/1.5:x,y\n"));
  EXPECT_THAT(LineWith(""), testing::EndsWith(" k=\"\"\n"));
  EXPECT_THAT(LineWith("two words"), testing::EndsWith(" k=\"two words\"\n"));
  EXPECT_THAT(LineWith("a=b"), testing::EndsWith(" k=\"a=b\"\n"));
  EXPECT_THAT(LineWith("say \"hi\""), testing::EndsWith(" k=\"say \\\"hi\\\"\"\n"));
  EXPECT_THAT(LineWith("back\\slash"), testing::EndsWith(" k=\"back\\\\slash\"\n"));
}

TEST(FormatLogLineTest, StaysOneLineWhateverAClientSends) {
  const std::string line = LineWith("one\nlevel=error time=forged\r\x1b[2J\x7f\t");
  EXPECT_THAT(line,
              testing::EndsWith("k=\"one\\nlevel=error time=forged\\x0d\\x1b[2J\\x7f\\t\"\n"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(FormatLogLineTest, LeavesUtf8AsItIs) {
  EXPECT_THAT(LineWith("schlüssel"), testing::EndsWith(" k=schlüssel\n"));
}

// As the longest and the shortest of each length: what is one bit further is no UTF-8.
TEST(FormatLogLineTest, EscapesWhatIsNoUtf8) {
  for (const char* valid : {"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                            "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_THAT(LineWith(valid), testing::EndsWith(" k=" + std::string(valid) + "\n"));
  }
  EXPECT_THAT(LineWith("a\xff"
                       "b"),
              testing::EndsWith(" k=\"a\\xffb\"\n"));
  EXPECT_THAT(LineWith("\x80"), testing::EndsWith(" k=\"\\x80\"\n"));
  EXPECT_THAT(LineWith("\xc2"), testing::EndsWith(" k=\"\\xc2\"\n")) << "cut off";
  EXPECT_THAT(LineWith("\xe2\x82="), testing::EndsWith(" k=\"\\xe2\\x82=\"\n")) << "cut off";
  EXPECT_THAT(LineWith("\xc2\x9b[2J"), testing::EndsWith(" k=\"\\xc2\\x9b[2J\"\n")) << "a control";
  for (const char* invalid : {"\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                              "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    const std::string line = LineWith(invalid);
    EXPECT_EQ(line.find(invalid), std::string::npos) << line;
  }
}

TEST(LogTest, WritesWhatIsAtLeastAsSevereAsTheLevel) {
  SetLogLevel(LogLevel::kWarning);
  CaptureStderr();
  Log(LogLevel::kInfo, "too quiet");
  Log(LogLevel::kWarning, "loud enough");
  EXPECT_THAT(
      GetCapturedStderr(),
      testing::MatchesRegex(R"(level=warning time=20..-..-..T..:..:..\....Z msg="loud enough")"
                            "\n"));
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace holdfast
