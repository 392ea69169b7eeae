// Which files may have a torn tail, and what becomes of it. What a torn tail is,
// log_check_test tells.

#include "services/lock/storage/database_check.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/log.h"
#include "services/lock/storage/log_record.h"
#include "services/lock/storage/testing/log_writer.h"
#include "services/lock/storage/testing/scratch_directory.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kSectorSize = 512;

// Records that fill sectors, so that each can be lost alone.
std::string LogOf(std::size_t records, const std::string& beginning = "") {
  LogWriter writer;
  for (std::size_t i = 0; i < records; ++i) {
    std::string record = beginning;
    record.resize(kSectorSize - kLogHeaderSize, static_cast<char>('a' + i));
    writer.Add(record);
  }
  return writer.log();
}

// All of its entries tell that the last change in a table is number 80.
std::string ManifestOf(std::size_t entries) { return LogOf(entries, "\x04\x50"); }

std::string WithoutSector(std::string log, std::size_t sector) {
  return log.replace(sector * kSectorSize, kSectorSize, kSectorSize, '\0');
}

class DatabaseCheckTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kError); }  // What is cut off is worth a warning.

  absl::StatusOr<std::uint64_t> Check() {
    PutImage(image_, path_);
    return CheckDatabase(path_);
  }

  // A database that has just begun a new log, and not yet deleted the old one.
  DirectoryImage image_ = {{"CURRENT", "MANIFEST-000005\n"},
                           {"MANIFEST-000005", ManifestOf(9)},
                           {"000004.log", LogOf(3)},
                           {"000007.log", LogOf(3)}};
  const ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "db";
};

TEST_F(DatabaseCheckTest, NothingIsChangedInAWholeDatabase) {
  EXPECT_EQ(Check().value_or(0), 80);
  EXPECT_EQ(TakeImage(path_), image_);
}

TEST_F(DatabaseCheckTest, CurrentNamesAManifestOnALineOfItsOwn) {
  for (const char* current : {"", "\n", "MANIFEST-\n", "MANIFEST-000005", "MANIFEST-00000x\n",
                              "MANIFEST_000005\n", "000004.log\n"}) {
    image_["CURRENT"] = current;
    const absl::Status status = Check().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("CURRENT is damaged")) << current;
  }
}

TEST_F(DatabaseCheckTest, TheNewestLogMayBeTorn) {
  image_["000007.log"].resize(2 * kSectorSize + 100);
  EXPECT_EQ(Check().status(), absl::OkStatus());
  EXPECT_EQ(TakeImage(path_).at("000007.log"), LogOf(2));
}

TEST_F(DatabaseCheckTest, AnOlderLogMayNot) {
  image_["000004.log"].resize(2 * kSectorSize + 100);
  EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TakeImage(path_), image_);
}

TEST_F(DatabaseCheckTest, OfALogOnlyTheLastCommitMayBeTorn) {
  image_["000007.log"] = WithoutSector(image_["000007.log"], 1);
  EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TakeImage(path_), image_);
}

TEST_F(DatabaseCheckTest, EntriesOfTheManifestThatWereNotSyncedAreTornTogether) {
  image_["MANIFEST-000005"] = WithoutSector(image_["MANIFEST-000005"], 5);
  EXPECT_EQ(Check().status(), absl::OkStatus());
  EXPECT_EQ(TakeImage(path_).at("MANIFEST-000005"), ManifestOf(5));
}

TEST_F(DatabaseCheckTest, MoreEntriesThanItWritesAtOnceAreNot) {
  image_["MANIFEST-000005"] = WithoutSector(image_["MANIFEST-000005"], 4);
  const absl::Status status = Check().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("MANIFEST-000005 is damaged at byte 2048"));
  EXPECT_EQ(TakeImage(path_), image_);
}

TEST_F(DatabaseCheckTest, NorAreEntriesWhoseLogHasBeenDeleted) {
  image_["MANIFEST-000005"] = WithoutSector(image_["MANIFEST-000005"], 5);
  image_.erase("000004.log");
  EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TakeImage(path_), image_);
  // The last one may well be the record of a merge, for which no log is kept.
  image_["MANIFEST-000005"] = WithoutSector(ManifestOf(9), 8);
  EXPECT_EQ(Check().status(), absl::OkStatus());
  EXPECT_EQ(TakeImage(path_).at("MANIFEST-000005"), ManifestOf(8));
}

TEST_F(DatabaseCheckTest, AManifestThatTellsNothingOfItsTablesIsDamaged) {
  image_["MANIFEST-000005"] = LogOf(9);
  EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace holdfast
