// What is particular to the store on the disk; what it shares with others is in
// lock_store_contract_test.cc.

#include "services/lock/storage/rocksdb_store.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/rocksdb_options.h"
#include "services/lock/storage/testing/faulty_file_system.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1024 * 1024;

class RocksDbStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(Durability durability = Durability::kSync) {
    return OpenStore(path_, {.durability = durability,
                             .on_background_error =
                                 [this](const absl::Status& status) {
                                   std::call_once(reported_once_,
                                                  [&] { reported_.set_value(status); });
                                 },
                             .env = env_.get()});
  }

  static PutLease Lease(const std::string& lease_id, std::size_t owner_size) {
    return {{.spec = {.key = "k", .lease_id = lease_id, .owner = std::string(owner_size, 'o')},
             .fencing_token = 1}};
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  const std::shared_ptr<FaultyFileSystem> file_system_ = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(file_system_);
  std::promise<absl::Status> reported_;
  std::once_flag reported_once_;
};

TEST_F(RocksDbStoreTest, ASecondOpenerIsToldWhoHasTheDirectory) {
  const auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Open();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr(path_), HasSubstr("in use by process")));
}

TEST_F(RocksDbStoreTest, ANewerFormatIsRefusedUntouched) {
  { ASSERT_TRUE(Open().ok()); }
  std::ofstream(path_ + "/FORMAT")
      << "holdfast data directory\nformat: " << kFormatVersion + 1 << "\n";
  const DirectoryImage before = TakeImage(path_);
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TakeImage(path_), before);
}

TEST_F(RocksDbStoreTest, AnOlderFormatIsReadAndRaised) {
  const auto format = [this] {
    std::ifstream file(path_ + "/FORMAT");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Commit({Lease("id", 1)}).ok());
  }
  const std::string today = format();
  std::ofstream(path_ + "/FORMAT")
      << FormatFileContent({.state = DirectoryState::kReady, .version = 1});
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(LoadContent(**store).leases.contains("id"));
  EXPECT_EQ(format(), today);
}

TEST_F(RocksDbStoreTest, ARecordThatCannotBeReadIsNamed) {
  { ASSERT_TRUE(Open().ok()); }
  {
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(StoreRocksDbOptions(kMiB), path_ + "/db", &db).ok());
    const std::unique_ptr<rocksdb::DB> owned(db);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "lsome-id", "no record").ok());
  }
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  StoreContent content;
  const absl::Status status = (*store)->Load(content);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("record \"l..."));
}

TEST_F(RocksDbStoreTest, AFailedSyncFailsTheCommitAndIsNotTriedAgain) {
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  file_system_->FailSyncs();
  EXPECT_FALSE((*store)->Commit({PutEnded{"a", EndCause::kReleased}}).ok());
  const std::uint64_t operations = file_system_->operations();
  EXPECT_FALSE((*store)->Commit({PutEnded{"b", EndCause::kReleased}}).ok());
  store->reset();
  EXPECT_EQ(file_system_->operations(), operations);
}

TEST_F(RocksDbStoreTest, CommitsWaitForTheDiskAsToldAndForTokenMarksAlways) {
  for (const Durability durability : {Durability::kSync, Durability::kProcess}) {
    const auto file_system = std::make_shared<FaultyFileSystem>();
    const auto env = rocksdb::NewCompositeEnv(file_system);
    auto store = OpenStore(path_, {.durability = durability, .env = env.get()});
    ASSERT_TRUE(store.ok()) << store.status();
    file_system->FailSyncs();
    const bool needs_no_sync = (*store)->Commit({PutEnded{"a", EndCause::kReleased}}).ok();
    EXPECT_EQ(needs_no_sync, durability == Durability::kProcess);
    EXPECT_FALSE((*store)->Commit({ReserveTokens{1024}}).ok());
  }
}

TEST_F(RocksDbStoreTest, SaysOfTheSameCommitsThatTheyAreLikelyToWait) {
  const RecordBatch end = {PutEnded{"a", EndCause::kReleased}};
  const RecordBatch mark = {ReserveTokens{1024}};
  for (const Durability durability : {Durability::kSync, Durability::kProcess}) {
    auto store = Open(durability);
    ASSERT_TRUE(store.ok()) << store.status();
    // What it says at first is a guess.
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ((*store)->LikelyWait({}), Duration::zero());
      EXPECT_EQ((*store)->LikelyWait(end) > Duration::zero(), durability == Durability::kSync);
      EXPECT_GT((*store)->LikelyWait(mark), Duration::zero());
      ASSERT_TRUE((*store)->Commit(end).ok());
      ASSERT_TRUE((*store)->Commit(mark).ok());
    }
  }
}

TEST_F(RocksDbStoreTest, LogsThatAreSyncedAreLaidOutUntilTheStoreIsClosed) {
  const auto log = [this] {
    std::string content;
    for (const auto& [name, bytes] : TakeImage(path_)) {
      if (name.ends_with(".log")) content = bytes;
    }
    return content;
  };
  for (const Durability durability : {Durability::kSync, Durability::kProcess}) {
    auto store = Open(durability);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Commit({PutEnded{"a", EndCause::kReleased}}).ok());
    EXPECT_EQ(log().size() == kMiB, durability == Durability::kSync) << log().size();
    store->reset();
    EXPECT_LT(log().size(), 100u);
    EXPECT_NE(log().back(), '\0');
  }
}

TEST_F(RocksDbStoreTest, AFailureInTheBackgroundIsReported) {
  auto store = Open(Durability::kProcess);
  ASSERT_TRUE(store.ok()) << store.status();
  file_system_->FailNewTables();
  // More than RocksDB keeps in memory, so that it has to write a table.
  for (int i = 0; i < 10; ++i) {
    if (!(*store)->Commit({Lease(std::to_string(i), kMiB)}).ok()) break;
  }
  EXPECT_THAT(std::string(reported_.get_future().get().message()), HasSubstr("in the background"));
  EXPECT_FALSE((*store)->Commit({Lease("later", 1)}).ok());
}

TEST_F(RocksDbStoreTest, StaysSmallHoweverMuchComesAndGoes) {
  constexpr int kRounds = 300;
  constexpr int kLeases = 500;
  {
    auto store = Open(Durability::kProcess);
    ASSERT_TRUE(store.ok()) << store.status();
    // 150 MiB in all, of which little is alive at any time.
    for (int round = 0; round < kRounds; ++round) {
      RecordBatch puts;
      RecordBatch deletes;
      for (int i = 0; i < kLeases; ++i) {
        const std::string id = std::to_string(round * 7919 % kRounds) + "-" + std::to_string(i);
        puts.push_back(Lease(id, 1000));
        deletes.push_back(DeleteEnded{id});
      }
      ASSERT_TRUE((*store)->Commit(puts).ok());
      ASSERT_TRUE((*store)->Commit(deletes).ok());
    }
  }
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (!entry.is_regular_file()) continue;
    bytes += entry.file_size();
    ++files;
  }
  EXPECT_LT(bytes, 48 * kMiB);
  EXPECT_LT(files, 25u);
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(LoadContent(**store), StoreContent());
}

TEST_F(RocksDbStoreTest, KeepsFewFilesAcrossManyStarts) {
  for (int i = 0; i < 30; ++i) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)
                    ->Commit({PutEnded{std::to_string(i), EndCause::kReleased},
                              ReserveTokens{static_cast<std::uint64_t>(i) + 1}})
                    .ok());
  }
  EXPECT_LT(TakeImage(path_).size(), 25u);
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(LoadContent(**store).ended.size(), 30u);
}

}  // namespace
}  // namespace holdfast
