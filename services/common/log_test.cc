#include "services/common/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/clock.h"

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
  EXPECT_THAT(LineWith("5\""), testing::EndsWith(" k=\"5\\\"\"\n"));
  EXPECT_THAT(LineWith("a\tb"), testing::EndsWith(" k=\"a\\tb\"\n"));
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

TEST(FormatJsonLineTest, HasLevelTimeMessageAndFieldsWithNumbersAsNumbers) {
  EXPECT_EQ(FormatJsonLine(LogLevel::kWarning, kTime, "no file descriptors",
                           {{"address", "unix:/run/h.sock"}, {"limit", 64}, {"text", "64"}}),
            "{\"level\":\"warning\",\"time\":\"2026-01-31T12:00:00.123Z\","
            "\"msg\":\"no file descriptors\","
            "\"address\":\"unix:/run/h.sock\",\"limit\":64,\"text\":\"64\"}\n");
}

TEST(FormatJsonLineTest, IsOneObjectInUtf8WhateverAClientSends) {
  const auto line_with = [](std::string_view value) {
    return FormatJsonLine(LogLevel::kInfo, kTime, "m", {{"k", value}});
  };
  EXPECT_THAT(line_with("\"},{\\"), testing::EndsWith(",\"k\":\"\\\"},{\\\\\"}\n"));
  EXPECT_THAT(line_with("a\n\t\x1b\x7f"),
              testing::EndsWith(",\"k\":\"a\\u000a\\u0009\\u001b\\u007f\"}\n"));
  EXPECT_THAT(line_with("schlüssel"), testing::EndsWith(",\"k\":\"schlüssel\"}\n"));
  EXPECT_THAT(line_with("a\xff"
                        "b"),
              testing::EndsWith(",\"k\":\"a\\ufffdb\"}\n"));
  EXPECT_THAT(line_with("\xc2\x9b"), testing::EndsWith(",\"k\":\"\\ufffd\\ufffd\"}\n"));
}

TEST(LogTest, WritesTheFormatThatIsSet) {
  SetLogFormat(LogFormat::kJson);
  CaptureStderr();
  Log(LogLevel::kInfo, "here", {{"n", 1}});
  SetLogFormat(LogFormat::kLogfmt);
  Log(LogLevel::kInfo, "there", {{"n", 2}});
  EXPECT_THAT(GetCapturedStderr(),
              testing::AllOf(testing::StartsWith("{\"level\":\"info\",\"time\":\"20"),
                             testing::HasSubstr("Z\",\"msg\":\"here\",\"n\":1}\nlevel=info time="),
                             testing::EndsWith("msg=\"there\" n=2\n")));
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

std::int64_t WallMilliseconds() {
  return static_cast<std::int64_t>(SystemClock().Read().wall) / 1'000'000;
}

TEST(LogTest, TellsTheTimeToTheMillisecond) {
  // A millisecond that is written as another one may still lie between two readings that are
  // far apart: hence many.
  for (int i = 0; i < 100; ++i) {
    CaptureStderr();
    const std::int64_t before = WallMilliseconds();
    Log(LogLevel::kInfo, "now");
    const std::int64_t after = WallMilliseconds();
    const std::string line = GetCapturedStderr();
    std::tm utc{};
    const char* rest = strptime(line.c_str(), "level=info time=%Y-%m-%dT%H:%M:%S", &utc);
    ASSERT_NE(rest, nullptr) << line;
    ASSERT_EQ(rest[0], '.') << line;
    const std::int64_t written = timegm(&utc) * 1'000 + std::stoi(rest + 1);
    EXPECT_LE(before, written) << line;
    EXPECT_LE(written, after) << line;
  }
}

// Standard error is a pipe for as long as this lives.
class PipedStderr {
 public:
  PipedStderr() : kept_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
    EXPECT_EQ(dup2(ends_[1], STDERR_FILENO), STDERR_FILENO);
    close(ends_[1]);
  }
  ~PipedStderr() {
    Restore();
    CloseReader();
  }
  PipedStderr(const PipedStderr&) = delete;
  PipedStderr& operator=(const PipedStderr&) = delete;

  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }

  // Afterwards the reader meets the end.
  void Restore() {
    if (kept_ < 0) return;
    dup2(kept_, STDERR_FILENO);
    close(kept_);
    kept_ = -1;
  }

  bool full() const {
    int bytes = 0;
    ioctl(ends_[0], FIONREAD, &bytes);
    return bytes == fcntl(ends_[0], F_GETPIPE_SZ);
  }

  std::string Read() const {
    std::array<char, 4096> bytes{};
    const ssize_t count = read(ends_[0], bytes.data(), bytes.size());
    return count <= 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(count));
  }

 private:
  std::array<int, 2> ends_{};
  int kept_;
};

TEST(LogTest, GivesUpWhenNobodyReads) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  {
    PipedStderr piped;
    piped.CloseReader();
    Log(LogLevel::kInfo, "to nobody");  // Returns.
  }
  std::signal(SIGPIPE, before);
}

std::atomic<int> signals = 0;

TEST(LogTest, WritesTheWholeLineAlthoughSignalsInterruptIt) {
  struct sigaction count {};
  count.sa_handler = [](int) { ++signals; };  // Without SA_RESTART.
  struct sigaction before {};
  sigaction(SIGUSR1, &count, &before);
  const std::string message(200'000, 'x');
  std::string line;
  {
    PipedStderr piped;
    std::thread writer([&] {
      Log(LogLevel::kInfo, message);
      piped.Restore();
    });
    while (!piped.full()) std::this_thread::yield();
    // The first one ends the write that has filled the pipe, the others the next one.
    for (int sent = 1; sent <= 20; ++sent) {
      pthread_kill(writer.native_handle(), SIGUSR1);
      while (signals < sent) std::this_thread::yield();
    }
    for (std::string part = piped.Read(); !part.empty(); part = piped.Read()) line += part;
    writer.join();
  }
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_THAT(line, testing::EndsWith("msg=\"" + message + "\"\n"));
  EXPECT_THAT(line, testing::StartsWith("level=info "));
}

}  // namespace
}  // namespace holdfast
