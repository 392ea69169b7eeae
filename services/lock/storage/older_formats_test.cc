// Data directories that older versions have left: they are read, raised to today's
// format, and whatever stops that half-way, nothing is missing.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "services/common/log.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/database_check.h"
#include "services/lock/storage/raise_records.h"
#include "services/lock/storage/record_codec.h"
#include "services/lock/storage/rocksdb_options.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/faulty_file_system.h"
#include "services/lock/storage/testing/older_database.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;

constexpr char kTestData[] = "services/lock/storage/testdata/";

class OlderFormatsTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel(LogLevel::kError); }

  absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(rocksdb::Env* env = nullptr) {
    // Small, so that it takes several commits to raise a few records.
    return OpenStore(path_, {.write_buffer_size = std::size_t{64} * 1024, .env = env});
  }

  // Opens the directory, and loads what is in it.
  StoreContent Content() {
    const auto store = Open();
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? LoadContent(**store) : StoreContent();
  }

  std::string Format() { return TakeImage(path_).at("FORMAT"); }

  std::unique_ptr<rocksdb::DB> OpenRocksDb() {
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(StoreRocksDbOptions(1 << 20), path_ + "/db", &db).ok());
    return std::unique_ptr<rocksdb::DB>(db);
  }

  // The first bytes of all storage keys.
  std::string KindsOfKeys() {
    const std::unique_ptr<rocksdb::DB> db = OpenRocksDb();
    const std::unique_ptr<rocksdb::Iterator> record(db->NewIterator(rocksdb::ReadOptions()));
    std::string kinds;
    for (record->SeekToFirst(); record->Valid(); record->Next()) kinds += record->key()[0];
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    return kinds;
  }

  // A directory of format 2 with a few hundred records.
  StoreContent MakeOlderDirectory() {
    StoreContent content;
    for (int i = 0; i < 200; ++i) {
      const std::string id = "id-" + std::to_string(i);
      if (i % 2 == 0) {
        content.ended[id] = static_cast<EndCause>(i % 5);
        continue;
      }
      LeaseRecord& lease = content.leases[id];
      lease = {.spec = {.key = "key of " + id, .lease_id = id, .owner = "o", .tags = {"a", "b"}},
               .fencing_token = static_cast<std::uint64_t>(i)};
      if (i % 3 == 0) lease.ChangeExpire(minutes(i));
    }
    content.reserved_tokens = 1024;
    { EXPECT_TRUE(Open().ok()); }
    MakeOlder(path_, content);
    return content;
  }

  // Expects that the directory is refused, and is still one of format 2.
  void ExpectRefused(const std::string& why) {
    const std::string kinds = KindsOfKeys();
    const auto store = Open();
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(why));
    EXPECT_EQ(Format(), FormatFileContent({.state = DirectoryState::kReady, .version = 2}));
    EXPECT_EQ(KindsOfKeys(), kinds);
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  const std::string today_ = FormatFileContent({.state = DirectoryState::kReady});
};

// What the versions that wrote formats 1 and 2 were made to write, with a kill and a
// start in the middle, and a kill at the end.
class WrittenByOlderVersionTest : public OlderFormatsTest {
 protected:
  void Expect(LeaseSpec spec, std::uint64_t token, std::optional<AskedExpire> asked = {}) {
    const std::string lease_id = spec.lease_id;
    expected_.leases[lease_id] = {
        .spec = std::move(spec), .fencing_token = token, .asked = std::move(asked)};
  }

  void ExpectFoundAndRaised(const std::string& name) {
    PutImage(TakeImage(kTestData + name), path_);
    EXPECT_NE(Format(), today_);
    const StoreContent found = Content();
    ASSERT_EQ(found.leases.size(), expected_.leases.size());
    for (auto& [lease_id, lease] : expected_.leases) {
      lease.granted_at = found.leases.at(lease_id).granted_at;
      EXPECT_GT(static_cast<std::int64_t>(lease.granted_at), 1'500'000'000'000'000'000);
    }
    EXPECT_EQ(found.leases, expected_.leases);
    EXPECT_EQ(found.ended, expected_.ended);
    EXPECT_EQ(found.reserved_tokens, 2048u);
    EXPECT_EQ(Format(), today_);
    EXPECT_EQ(KindsOfKeys(), "it") << "ids and the token mark";
    EXPECT_EQ(Content(), found) << "and all is there again";
  }

  StoreContent expected_;
};

TEST_F(WrittenByOlderVersionTest, Format1) {
  Expect({.key = "reports/2024",
          .lease_id = "fe20d4c9-0427-4707-9fea-913bfba3993c",
          .owner = "report-writer@host-7:4711",
          .tags = {"eu", "nightly"},
          .expire = minutes(10)},
         1);
  Expect({.key = "migrations",
          .lease_id = "cff567d3-957a-4835-b4e4-1d9b707fe41b",
          .owner = "deploy@host-2:99"},
         2);
  // Format 1 did not know what was asked for at first.
  Expect({.key = "renewed/longer",
          .lease_id = "8d46a269-a6ed-4f1d-a76d-298dfb3378d9",
          .owner = "w",
          .expire = hours(2)},
         3);
  Expect({.key = "renewed/forever",
          .lease_id = "697b4042-3a1f-4567-9de5-301d4a6349e3",
          .owner = "w",
          .expire = hours(1)},
         4);
  Expect({.key = "after/restart",
          .lease_id = "7dad6004-a14b-4c00-ae3d-5c6278c5a967",
          .owner = "w2",
          .expire = minutes(30)},
         1025);
  expected_.ended = {
      {"dc7cc417-ebff-44b2-ba53-12093622056d", EndCause::kReleased},
      {"75b842d8-912b-4767-a394-5e569c0140f3", EndCause::kReleased},
      {"7f0d1c52-0000-4000-8000-00000000beef", EndCause::kReleased},
      {"51a5c4f6-d75a-4800-8f79-b22a51044ead", EndCause::kExpired},
      {"f8779f8b-292f-4a37-a7e8-9294784ae994", EndCause::kForced},
      {"96e98f2b-55bb-4e6f-aed3-2574970510eb", EndCause::kCancelled},
      {"ce1077b7-4f5b-4db8-a5b1-45a43398c9ce", EndCause::kTimedOut},
  };
  ExpectFoundAndRaised("format_1");
}

TEST_F(WrittenByOlderVersionTest, Format2) {
  Expect({.key = "reports/2024",
          .lease_id = "074139e7-0865-47b0-b39d-122c33f4420e",
          .owner = "report-writer@host-7:4711",
          .tags = {"eu", "nightly"},
          .expire = minutes(10)},
         1);
  Expect({.key = "migrations",
          .lease_id = "b22b5d83-302c-472d-8bff-3e9c6d8eeb4f",
          .owner = "deploy@host-2:99"},
         2);
  Expect({.key = "renewed/longer",
          .lease_id = "c920cfe9-bea8-4cf6-8503-0021e228a45e",
          .owner = "w",
          .expire = hours(2)},
         3, AskedExpire{minutes(10)});
  Expect({.key = "renewed/forever",
          .lease_id = "29ab376b-ebfe-4dc9-90a0-13cc488f0cbd",
          .owner = "w",
          .expire = hours(1)},
         4, AskedExpire{});
  Expect({.key = "after/restart",
          .lease_id = "f4f46470-6d2d-49a2-b566-24da3d837d6a",
          .owner = "w2",
          .expire = minutes(30)},
         1025);
  expected_.ended = {
      {"4b7c4256-aeb1-4008-890a-b76c536c7a70", EndCause::kReleased},
      {"cf48e190-e985-4478-8830-2f74686a0a1f", EndCause::kReleased},
      {"7f0d1c52-0000-4000-8000-00000000beef", EndCause::kReleased},
      {"f671a842-bfe1-4d9a-b753-3eeb525d3737", EndCause::kExpired},
      {"0e4c9fed-54c4-4627-9003-0af4c1a0b70f", EndCause::kForced},
      {"808f264a-78e4-417d-a227-5ba6d9285305", EndCause::kCancelled},
      {"a3fee677-42e7-49ac-b568-20af8877911c", EndCause::kTimedOut},
  };
  ExpectFoundAndRaised("format_2");
}

TEST_F(OlderFormatsTest, AreRaisedAsAWhole) {
  const StoreContent content = MakeOlderDirectory();
  EXPECT_EQ(KindsOfKeys(), "elt");
  EXPECT_EQ(Content(), content);
  EXPECT_EQ(Format(), today_);
  EXPECT_EQ(KindsOfKeys(), "it");
  EXPECT_EQ(Content(), content);
}

TEST_F(OlderFormatsTest, ServeOnceTheyAreRaised) {
  StoreContent content = MakeOlderDirectory();
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    const RecordBatch batch = {PutEnded{"id-1", EndCause::kReleased}, DeleteEnded{"id-0"}};
    ASSERT_TRUE((*store)->Commit(batch).ok());
    content.Apply(batch);
  }
  EXPECT_EQ(Content(), content);
}

TEST_F(OlderFormatsTest, ARaiseThatStopsAnywhereGoesOnWithTheNextStart) {
  const StoreContent content = MakeOlderDirectory();
  const DirectoryImage older = TakeImage(path_);
  bool raised = false;
  std::size_t half_raised = 0;
  for (std::uint64_t last = 1; !raised; ++last) {
    PutImage(older, path_);
    const auto file_system = std::make_shared<FaultyFileSystem>();
    const auto env = rocksdb::NewCompositeEnv(file_system);
    file_system->SkipSyncs();
    file_system->FailFrom(last);
    raised = Open(env.get()).ok();
    if (Format() == FormatFileContent({.state = DirectoryState::kRaising})) {
      const DirectoryImage stopped = TakeImage(path_);
      ASSERT_TRUE(CheckDatabase(path_ + "/db").ok());
      const std::string kinds = KindsOfKeys();
      if (kinds.find('i') != std::string::npos && kinds.find('l') != std::string::npos) {
        ++half_raised;
      }
      PutImage(stopped, path_);
    }
    ASSERT_EQ(Content(), content) << "stopped at operation " << last;
    ASSERT_EQ(Format(), today_);
    ASSERT_LT(last, 1000u);
  }
  EXPECT_GE(half_raised, 3u);
}

TEST_F(OlderFormatsTest, ARecordThatCannotBeReadLeavesAllAsItIs) {
  MakeOlderDirectory();
  ASSERT_TRUE(OpenRocksDb()->Put(rocksdb::WriteOptions(), OlderLeaseKey("x"), "no record").ok());
  ExpectRefused("record \"l...");
}

// It was read before. The disk may have lost it since.
TEST_F(OlderFormatsTest, ARecordThatCannotBeReadAgainEndsTheRaise) {
  MakeOlderDirectory();
  const std::unique_ptr<rocksdb::DB> db = OpenRocksDb();
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), OlderLeaseKey("x"), "no record").ok());
  EXPECT_EQ(RaiseRecords(*db, 1 << 20).code(), absl::StatusCode::kDataLoss);
}

TEST_F(OlderFormatsTest, AnIdThatIsHeldAndHasEndedLeavesAllAsItIs) {
  MakeOlderDirectory();
  const std::string ended = OlderEndedValue(EndCause::kExpired);
  ASSERT_TRUE(OpenRocksDb()->Put(rocksdb::WriteOptions(), OlderEndedKey("id-7"), ended).ok());
  ExpectRefused("another record");
  const auto store = Open();
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("record \"l...")) << "it names one";
}

TEST_F(OlderFormatsTest, RecordsOfAnOlderFormatAreNotReadInTodaysFormat) {
  { ASSERT_TRUE(Open().ok()); }
  const std::string ended = OlderEndedValue(EndCause::kExpired);
  ASSERT_TRUE(OpenRocksDb()->Put(rocksdb::WriteOptions(), OlderEndedKey("id-7"), ended).ok());
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  StoreContent content;
  EXPECT_EQ((*store)->Load(content).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace holdfast
