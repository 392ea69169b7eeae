#include "services/lock/storage/format_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

TEST(FormatFileTest, ReadsWhatItHasWritten) {
  for (const DirectoryState state : {DirectoryState::kCreating, DirectoryState::kReady}) {
    const Format format{.state = state};
    EXPECT_EQ(*ParseFormatFile(FormatFileContent(format)), format);
  }
}

TEST(FormatFileTest, TheContentStaysAsItIs) {
  EXPECT_EQ(FormatFileContent({.state = DirectoryState::kReady}),
            "holdfast data directory\nformat: 2\nstate: ready\n");
  EXPECT_EQ(FormatFileContent({.state = DirectoryState::kCreating}),
            "holdfast data directory\nformat: 2\nstate: creating\n");
}

// Directories that exist have these very bytes.
TEST(FormatFileTest, OlderFormatsAreRead) {
  EXPECT_EQ(*ParseFormatFile("holdfast data directory\nformat: 1\nstate: ready\n"),
            (Format{.state = DirectoryState::kReady, .version = 1}));
  EXPECT_EQ(*ParseFormatFile("holdfast data directory\nformat: 1\nstate: creating\n"),
            (Format{.state = DirectoryState::kCreating, .version = 1}));
}

TEST(FormatFileTest, ANewerFormatIsNamed) {
  for (const std::string rest : {"\n", "\nstate: ready\n", "\nanything else"}) {
    const absl::Status status =
        ParseFormatFile("holdfast data directory\nformat: 12" + rest).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("format 12"));
  }
}

TEST(FormatFileTest, EverythingElseIsDamage) {
  for (const std::string content :
       {"", "holdfast", "holdfast data directory\nformat: 0\nstate: ready\n",
        "holdfast data directory\nformat: 99", "holdfast data directory\nformat: 1\nstate: new\n",
        "holdfast data directory\nformat: 1\nstate: ready\nmore\n",
        "holdfast data directory\nformat: 99999999999\nstate: ready\n",
        "holdfast data directory\nformat: two\nstate: ready\n",
        "Holdfast data directory\nformat: 1\nstate: ready\n"}) {
    EXPECT_EQ(ParseFormatFile(content).status().code(), absl::StatusCode::kDataLoss) << content;
  }
}

TEST(FormatFileTest, NoWrongByteIsReadAsTheOtherState) {
  const std::string good = FormatFileContent({.state = DirectoryState::kReady});
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      if (bad == good) continue;
      const absl::StatusOr<Format> format = ParseFormatFile(bad);
      // The one byte may be the version's, and this version reads that one too.
      EXPECT_TRUE(!format.ok() || format->state == DirectoryState::kReady) << bad;
      EXPECT_TRUE(!format.ok() || format->version < kFormatVersion) << bad;
    }
  }
}

}  // namespace
}  // namespace holdfast
