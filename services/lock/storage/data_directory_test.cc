#include "services/lock/storage/data_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/testing/scratch_directory.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DataDirectory>> Open() { return DataDirectory::Open(path_); }

  // Makes a directory whose database has been made.
  void MakeReady() {
    auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status();
    ASSERT_TRUE((*directory)->MarkReady().ok());
  }

  void Write(const std::string& name, const std::string& content) {
    fs::create_directories(path_);
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The names of everything in the directory, with the content of files.
  std::map<std::string, std::string> Listing() {
    std::map<std::string, std::string> listing;
    for (const auto& entry : fs::directory_iterator(path_)) {
      const std::string name = entry.path().filename();
      listing[name] = entry.is_directory() ? "(directory)" : Read(name);
    }
    return listing;
  }
  void ExpectRefusedUntouched(absl::StatusCode code, const std::string& why) {
    const auto before = Listing();
    const auto opened = Open();
    EXPECT_EQ(opened.status().code(), code) << opened.status();
    EXPECT_THAT(std::string(opened.status().message()), AllOf(HasSubstr(path_), HasSubstr(why)));
    EXPECT_EQ(Listing(), before);
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
};

TEST_F(DataDirectoryTest, IsMadeForItsOwnerAlone) {
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ((*directory)->state(), DirectoryState::kCreating);
  EXPECT_EQ((*directory)->database_path(), path_ + "/db");
  for (const std::string& path : {path_, path_ + "/db"}) {
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u) << path;
  }
}

TEST_F(DataDirectoryTest, MayBeEmptyOrAFreshVolume) {
  fs::create_directories(path_ + "/lost+found");
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, ASlashAtTheEndOfItsNameDoesNotMatter) {
  EXPECT_TRUE(DataDirectory::Open(path_ + "//").ok());
  EXPECT_EQ(Read("FORMAT"), FormatFileContent({.state = DirectoryState::kCreating}));
}

TEST_F(DataDirectoryTest, IsReadyOnceItsDatabaseWasMade) {
  MakeReady();
  EXPECT_EQ(Read("FORMAT"), FormatFileContent({.state = DirectoryState::kReady}));
  const auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->state(), DirectoryState::kReady);
  EXPECT_FALSE((*again)->needs_raise());
}

TEST_F(DataDirectoryTest, AnOlderFormatIsRaisedStepByStep) {
  MakeReady();
  const std::string older = FormatFileContent({.state = DirectoryState::kReady, .version = 1});
  Write("FORMAT", older);
  Write("db/CURRENT", "what is there");
  {
    const auto directory = Open();
    ASSERT_TRUE(directory.ok()) << directory.status();
    EXPECT_EQ((*directory)->state(), DirectoryState::kReady);
    EXPECT_TRUE((*directory)->needs_raise());
    EXPECT_EQ(Read("FORMAT"), older) << "the database may still be refused";
    ASSERT_TRUE((*directory)->MarkRaising().ok());
  }
  EXPECT_EQ(Read("FORMAT"), FormatFileContent({.state = DirectoryState::kRaising}));
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ((*directory)->state(), DirectoryState::kRaising);
  EXPECT_TRUE((*directory)->needs_raise()) << "its raise was cut short";
  EXPECT_EQ(Read("db/CURRENT"), "what is there");
  ASSERT_TRUE((*directory)->MarkRaising().ok());
  ASSERT_TRUE((*directory)->MarkReady().ok());
  EXPECT_EQ(Read("FORMAT"), FormatFileContent({.state = DirectoryState::kReady}));
  EXPECT_FALSE((*directory)->needs_raise());
}

TEST_F(DataDirectoryTest, ADatabaseThatIsBeingRaisedIsNotMadeAnew) {
  MakeReady();
  Write("FORMAT", FormatFileContent({.state = DirectoryState::kRaising}));
  fs::remove_all(path_ + "/db");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "db, is missing");
}

TEST_F(DataDirectoryTest, AMakingThatWasCutShortBeginsAgain) {
  Write("FORMAT", FormatFileContent({.state = DirectoryState::kCreating}));
  Write("FORMAT.tmp", "half");
  fs::create_directory(path_ + "/db");
  Write("db/CURRENT", "half");
  const auto directory = Open();
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ((*directory)->state(), DirectoryState::kCreating);
  EXPECT_TRUE(fs::is_empty(path_ + "/db"));
}

TEST_F(DataDirectoryTest, ASecondOpenerIsToldWhoHasIt) {
  const auto first = Open();
  ASSERT_TRUE(first.ok());
  const auto second = Open();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr(path_), HasSubstr("process " + std::to_string(getpid()))));
}

TEST_F(DataDirectoryTest, IsGivenUpWithItsObject) {
  { ASSERT_TRUE(Open().ok()); }
  EXPECT_TRUE(Open().ok());
}

TEST_F(DataDirectoryTest, ANewerFormatIsRefusedUntouched) {
  MakeReady();
  const std::string newer = std::to_string(kFormatVersion + 1);
  Write("FORMAT", "holdfast data directory\nformat: " + newer + "\nstate: ready\n");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "format " + newer);
  fs::remove(path_ + "/LOCK");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "format " + newer);
}

TEST_F(DataDirectoryTest, ADamagedFormatIsRefusedUntouched) {
  MakeReady();
  Write("FORMAT", "");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "FORMAT is damaged");
}

TEST_F(DataDirectoryTest, SomebodyElsesDirectoryIsRefusedUntouched) {
  Write("thesis.txt", "mine");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "thesis.txt");
}

TEST_F(DataDirectoryTest, ADatabaseWithoutItsFormatIsRefusedUntouched) {
  MakeReady();
  fs::remove(path_ + "/FORMAT");
  ExpectRefusedUntouched(absl::StatusCode::kFailedPrecondition, "contains db but no FORMAT");
}

TEST_F(DataDirectoryTest, ADatabaseThatHasGoneMissingIsNotMadeAnew) {
  MakeReady();
  fs::remove_all(path_ + "/db");
  ExpectRefusedUntouched(absl::StatusCode::kDataLoss, "db, is missing");
}

TEST_F(DataDirectoryTest, AMissingParentIsNotMade) {
  const auto opened = DataDirectory::Open(path_ + "/deeper");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kNotFound) << opened.status();
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path_ + "/deeper"));
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(DataDirectoryTest, AFileInItsPlaceIsRefused) {
  fs::create_directories(path_);
  Write("file", "content");
  const auto opened = DataDirectory::Open(path_ + "/file");
  EXPECT_FALSE(opened.ok());
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("Not a directory"));
  EXPECT_EQ(Read("file"), "content");
}

TEST_F(DataDirectoryTest, NoNameIsRefused) {
  EXPECT_EQ(DataDirectory::Open("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DataDirectoryTest, TheRootDirectoryIsRefused) {
  EXPECT_EQ(DataDirectory::Open("/").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DataDirectory::Open("//").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(FormatFileTest, ReadsWhatItHasWritten) {
  for (const DirectoryState state :
       {DirectoryState::kCreating, DirectoryState::kReady, DirectoryState::kRaising}) {
    const Format format{.state = state};
    EXPECT_EQ(*ParseFormatFile(FormatFileContent(format)), format);
  }
}

TEST(FormatFileTest, TheContentStaysAsItIs) {
  EXPECT_EQ(FormatFileContent({.state = DirectoryState::kReady}),
            "holdfast data directory\nformat: 3\nstate: ready\n");
  EXPECT_EQ(FormatFileContent({.state = DirectoryState::kCreating}),
            "holdfast data directory\nformat: 3\nstate: creating\n");
  EXPECT_EQ(FormatFileContent({.state = DirectoryState::kRaising}),
            "holdfast data directory\nformat: 3\nstate: raising\n");
}

// Directories that exist have these very bytes.
TEST(FormatFileTest, OlderFormatsAreRead) {
  EXPECT_EQ(*ParseFormatFile("holdfast data directory\nformat: 1\nstate: ready\n"),
            (Format{.state = DirectoryState::kReady, .version = 1}));
  EXPECT_EQ(*ParseFormatFile("holdfast data directory\nformat: 1\nstate: creating\n"),
            (Format{.state = DirectoryState::kCreating, .version = 1}));
  EXPECT_EQ(*ParseFormatFile("holdfast data directory\nformat: 2\nstate: ready\n"),
            (Format{.state = DirectoryState::kReady, .version = 2}));
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
        "holdfast data directory\nformat: 2\nstate: raising\n",
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
