#include "services/lock/storage/backup.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/database_copy.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// So small that a log is full after some hundred commits.
constexpr std::size_t kSmallBuffer = std::size_t{64} * 1024;

RecordBatch Grant(const std::string& lease_id, std::uint64_t token) {
  return {PutLease{{.spec = {.key = "key of " + lease_id, .lease_id = lease_id},
                    .fencing_token = token}},
          ReserveTokens{.through = token + 100}};
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

class BackupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = OpenStore(data_, {.write_buffer_size = kSmallBuffer});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Commit(const RecordBatch& batch) {
    ASSERT_TRUE(store_->Commit(batch).ok());
    committed_.Apply(batch);
  }

  // As a server would load it.
  static StoreContent ContentOf(const std::string& path) {
    const auto store = OpenStore(path);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? LoadContent(**store) : StoreContent();
  }

  // The path of the newest file with this extension in the backup.
  std::string Newest(const std::string& extension) const {
    std::string newest;
    for (const auto& entry : fs::directory_iterator(backup_ + "/db")) {
      if (entry.path().extension() == extension)
        newest = std::max<std::string>(newest, entry.path());
    }
    return newest;
  }

  static void FlipByteInTheMiddleOf(const std::string& path) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto middle = static_cast<std::streamoff>(fs::file_size(path) / 2);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 1));
  }

  ScratchDirectory scratch_;
  const std::string data_ = scratch_ / "data";
  const std::string backup_ = scratch_ / "backup";
  const std::string restored_ = scratch_ / "restored";
  std::unique_ptr<RocksDbStore> store_;
  StoredRecords committed_;
};

TEST_F(BackupTest, HasAllThatWasCommittedWhileTheStoreGoesOn) {
  Commit(Grant("a", 1));
  Commit(Grant("b", 2));
  Commit({PutEnded{"a", EndCause::kExpired}});
  const auto records = BackUp(data_, backup_);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(*records, committed_);
  const StoredRecords at_the_backup = committed_;
  Commit(Grant("c", 3));

  const auto stored = ReadStored(backup_);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(*stored, at_the_backup);
  const auto live = ReadStored(data_);
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_EQ(*live, committed_);
}

TEST_F(BackupTest, RestoreNeverGrantsATokenOfAfterTheBackup) {
  Commit(Grant("a", 1));
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  const auto mark = Restore(backup_, restored_);
  ASSERT_TRUE(mark.ok()) << mark.status();
  EXPECT_EQ(*mark, *committed_.reserved_tokens + kTokensSkippedByRestore);
  StoredRecords expected = committed_;
  expected.reserved_tokens = *mark;
  EXPECT_EQ(static_cast<StoredRecords>(ContentOf(restored_)), expected);

  // Of what was restored there are backups too.
  const std::string again = scratch_ / "again";
  ASSERT_TRUE(BackUp(restored_, again).ok());
  const auto second = Restore(again, scratch_ / "second");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*second, *mark + kTokensSkippedByRestore);
}

TEST_F(BackupTest, RestoreRaisesTheMarkOfABackupThatHasNone) {
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  const auto mark = Restore(backup_, restored_);
  ASSERT_TRUE(mark.ok()) << mark.status();
  EXPECT_EQ(*mark, kTokensSkippedByRestore);
  EXPECT_EQ(ContentOf(restored_).reserved_tokens, kTokensSkippedByRestore);
}

TEST_F(BackupTest, RestoreRefusesWhenThereAreNoTokensLeft) {
  Commit({ReserveTokens{.through = (std::uint64_t{1} << 63) - kTokensSkippedByRestore + 1}});
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  EXPECT_THAT(MessageOf(Restore(backup_, restored_).status()), HasSubstr("no tokens left"));
  EXPECT_FALSE(fs::exists(restored_ + "/FORMAT"));
}

TEST_F(BackupTest, ABackupIsNoDataDirectory) {
  Commit(Grant("a", 1));
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  const auto opened = DataDirectory::Open(backup_);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition) << opened.status();
  EXPECT_EQ(Restore(data_, restored_).status().code(), absl::StatusCode::kFailedPrecondition)
      << "a data directory is no backup";
}

TEST_F(BackupTest, TakesNothingThatIsThereAlready) {
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  EXPECT_EQ(BackUp(data_, backup_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Restore(backup_, data_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(BackUp(scratch_ / "nowhere", scratch_ / "other").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(fs::exists(scratch_ / "other"));
}

TEST_F(BackupTest, RestoresIntoANewVolumeAndAfterAnInterruptedRestore) {
  Commit(Grant("a", 1));
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  fs::create_directories(restored_ + "/lost+found");
  fs::create_directories(restored_ + "/restoring/db");
  std::ofstream(restored_ + "/restoring/db/000001.log") << "a part of it";
  const auto mark = Restore(backup_, restored_);
  ASSERT_TRUE(mark.ok()) << mark.status();
  EXPECT_EQ(ContentOf(restored_).leases, committed_.leases);
  EXPECT_FALSE(fs::exists(restored_ + "/restoring"));
}

TEST_F(BackupTest, DamageIsFoundAndNothingIsRestored) {
  for (std::uint64_t i = 1; i <= 50; ++i) Commit(Grant(std::to_string(i), i));
  store_.reset();
  SetUp();  // What was in the log is in a table now.
  for (std::uint64_t i = 51; i <= 100; ++i) Commit(Grant(std::to_string(i), i));
  for (const char* extension : {".sst", ".log"}) {
    ASSERT_TRUE(BackUp(data_, backup_).ok());
    FlipByteInTheMiddleOf(Newest(extension));
    EXPECT_EQ(ReadStored(backup_).status().code(), absl::StatusCode::kDataLoss) << extension;
    EXPECT_EQ(Restore(backup_, restored_).status().code(), absl::StatusCode::kDataLoss)
        << extension;
    EXPECT_FALSE(fs::exists(restored_ + "/FORMAT"));
    fs::remove_all(backup_);
    fs::remove_all(restored_);
  }
}

TEST_F(BackupTest, ABackupThatWasNotCompletedIsNone) {
  ASSERT_TRUE(BackUp(data_, backup_).ok());
  fs::remove(backup_ + "/BACKUP");
  EXPECT_EQ(ReadStored(backup_).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Restore(backup_, restored_).status().code(), absl::StatusCode::kFailedPrecondition);
}

// The disk of a server that was killed within a write.
TEST_F(BackupTest, ATornTailIsLeftOut) {
  Commit(Grant("a", 1));
  const StoredRecords before = committed_;
  Commit(Grant("b", 2));
  const DirectoryImage image = TakeImage(data_);
  store_.reset();
  const std::string torn = scratch_ / "torn";
  PutImage(image, torn);
  std::string log;
  for (const auto& [name, content] : image) {
    if (name.ends_with(".log")) log = name;
  }
  const std::string content = image.at(log);
  const std::size_t end = content.find_last_not_of('\0');
  fs::resize_file(torn + "/" + log, end - 3);
  const auto records = BackUp(torn, backup_);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(*records, before);
}

// Under a load by which logs are begun and tables are written all the time, each copy is
// what a crash would have left: all commits up to one of them.
TEST_F(BackupTest, EachCopyIsABeginningOfWhatWasCommitted) {
  std::atomic<int> acknowledged{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 1; !stop; ++i) {
      if (!store_
               ->Commit({PutEnded{std::to_string(i), EndCause::kReleased},
                         PutEnded{"x" + std::to_string(i), EndCause::kReleased}})
               .ok()) {
        return;
      }
      acknowledged = i;
    }
  });
  for (int copy = 0; copy < 8; ++copy) {
    const int before = acknowledged;
    const std::string path = scratch_ / ("copy" + std::to_string(copy));
    const auto records = BackUp(data_, path);
    ASSERT_TRUE(records.ok()) << records.status();
    const int commits = static_cast<int>(records->ended.size()) / 2;
    EXPECT_GE(commits, before);
    for (int i = 1; i <= commits; ++i) {
      ASSERT_TRUE(records->ended.contains(std::to_string(i))) << i << " of " << commits;
      ASSERT_TRUE(records->ended.contains("x" + std::to_string(i))) << i << " of " << commits;
    }
    fs::remove_all(path);
  }
  stop = true;
  writer.join();
}

TEST_F(BackupTest, ADatabaseThatChangesMeanwhileIsReadAgain) {
  std::uint64_t token = 0;
  int attempts = 0;
  const auto fill_a_log = [&] {
    for (int i = 0; i < 300; ++i) {
      ++token;
      Commit({PutLease{{.spec = {.key = "k" + std::to_string(token),
                                 .lease_id = std::to_string(token),
                                 .owner = std::string(2'000, 'o')},
                        .fencing_token = token}}});
    }
  };
  fs::create_directory(backup_);
  const absl::Status copied = CopyDatabase(data_ + "/db", backup_, {.before_check = [&] {
                                             if (++attempts <= 3) fill_a_log();
                                           }});
  ASSERT_TRUE(copied.ok()) << copied;
  EXPECT_EQ(attempts, 4);
  const std::string whole = scratch_ / "whole";
  PutImage({{"FORMAT", FormatFileContent({.state = DirectoryState::kReady})}}, whole);
  fs::rename(backup_, whole + "/db");
  EXPECT_EQ(static_cast<StoredRecords>(ContentOf(whole)), committed_);
}

TEST_F(BackupTest, ADatabaseThatAlwaysChangesIsGivenUp) {
  fs::create_directory(backup_);
  int logs = 1'000'000;
  const absl::Status copied = CopyDatabase(
      data_ + "/db", backup_,
      {.before_check = [&] { std::ofstream(data_ + "/db/" + std::to_string(++logs) + ".log"); }});
  EXPECT_EQ(copied.code(), absl::StatusCode::kAborted) << copied;
}

}  // namespace
}  // namespace holdfast
