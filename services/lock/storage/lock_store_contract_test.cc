// What every store promises, whatever it writes to.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/faulty_file_system.h"
#include "services/lock/storage/testing/memory_store.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

// Something that stores are opened on, one after the other.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<LockStore> Open() = 0;
  // Commits to the store that is open fail from now on.
  virtual void Break() = 0;
};

class MemoryBackend : public Backend {
 public:
  std::unique_ptr<LockStore> Open() override { return std::make_unique<MemoryStore>(disk_); }
  void Break() override {
    disk_->FailNextCommit(absl::InternalError("broken"), MemoryDisk::Failure::kNothingWritten);
  }

 private:
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

class RocksDbBackend : public Backend {
 public:
  explicit RocksDbBackend(Durability durability) : durability_(durability) {}

  std::unique_ptr<LockStore> Open() override {
    file_system_ = std::make_shared<FaultyFileSystem>();
    env_ = rocksdb::NewCompositeEnv(file_system_);
    auto store = OpenStore(scratch_ / "data", {.durability = durability_, .env = env_.get()});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  void Break() override { file_system_->FailFrom(file_system_->operations() + 1); }

 private:
  const Durability durability_;
  ScratchDirectory scratch_;
  std::shared_ptr<FaultyFileSystem> file_system_;
  std::unique_ptr<rocksdb::Env> env_;
};

struct BackendKind {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

LeaseRecord Lease(const std::string& lease_id, std::uint64_t token) {
  return {.spec = {.key = "key of " + lease_id, .lease_id = lease_id, .owner = "test"},
          .fencing_token = token,
          .granted_at = WallTime{1'700'000'000'000'000'000}};
}

class LockStoreContractTest : public ::testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override { Reopen(); }

  // Ends the store, and opens another one on what it has left.
  void Reopen() {
    store_.reset();
    store_ = backend_->Open();
    ASSERT_NE(store_, nullptr);
  }
  StoreContent ContentAfterReopening() {
    Reopen();
    return LoadContent(*store_);
  }
  void Commit(const RecordBatch& batch) {
    const absl::Status status = store_->Commit(batch);
    ASSERT_TRUE(status.ok()) << status;
  }

  const std::unique_ptr<Backend> backend_ = GetParam().make();
  std::unique_ptr<LockStore> store_;
};

TEST_P(LockStoreContractTest, IsEmptyAtFirst) {
  EXPECT_EQ(LoadContent(*store_), StoreContent());
  EXPECT_EQ(ContentAfterReopening(), StoreContent());
}

TEST_P(LockStoreContractTest, LoadsWhatWasCommitted) {
  LeaseRecord full = Lease("full", 7);
  full.spec.tags = {"a", "b"};
  full.spec.expire = std::chrono::milliseconds(1500);
  LeaseRecord renewed = Lease("renewed", 9);
  renewed.ChangeExpire(std::chrono::seconds(3));
  Commit({PutLease{full}, PutLease{Lease("bare", 8)}, PutLease{renewed}, ReserveTokens{1024}});
  Commit({PutEnded{"r", EndCause::kReleased}, PutEnded{"x", EndCause::kExpired},
          PutEnded{"f", EndCause::kForced}, PutEnded{"c", EndCause::kCancelled},
          PutEnded{"t", EndCause::kTimedOut}});

  StoreContent expected;
  expected.leases = {{"full", full}, {"bare", Lease("bare", 8)}, {"renewed", renewed}};
  expected.ended = {{"r", EndCause::kReleased},
                    {"x", EndCause::kExpired},
                    {"f", EndCause::kForced},
                    {"c", EndCause::kCancelled},
                    {"t", EndCause::kTimedOut}};
  expected.reserved_tokens = 1024;
  EXPECT_EQ(ContentAfterReopening(), expected);
  EXPECT_EQ(ContentAfterReopening(), expected) << "opening changes nothing";
}

TEST_P(LockStoreContractTest, LaterChangesOfABatchWin) {
  Commit({PutLease{Lease("again", 1)}, PutLease{Lease("again", 2)}, PutLease{Lease("gone", 3)},
          PutEnded{"gone", EndCause::kExpired}, DeleteEnded{"gone"}, PutLease{Lease("over", 4)},
          PutEnded{"over", EndCause::kReleased}, PutEnded{"e", EndCause::kReleased},
          PutEnded{"e", EndCause::kForced}, PutEnded{"forgotten", EndCause::kReleased},
          DeleteEnded{"forgotten"}, ReserveTokens{10}, ReserveTokens{20}});
  StoreContent expected;
  expected.leases = {{"again", Lease("again", 2)}};
  expected.ended = {{"e", EndCause::kForced}, {"over", EndCause::kReleased}};
  expected.reserved_tokens = 20;
  EXPECT_EQ(ContentAfterReopening(), expected);
}

TEST_P(LockStoreContractTest, LaterBatchesChangeWhatEarlierOnesLeft) {
  Commit({PutLease{Lease("a", 1)}, PutLease{Lease("b", 2)}, PutEnded{"z", EndCause::kExpired},
          ReserveTokens{10}});
  Reopen();
  Commit({PutEnded{"a", EndCause::kReleased}, DeleteEnded{"z"}});
  Commit({PutLease{Lease("b", 3)}, ReserveTokens{20}});
  StoreContent expected;
  expected.leases = {{"b", Lease("b", 3)}};
  expected.ended = {{"a", EndCause::kReleased}};
  expected.reserved_tokens = 20;
  EXPECT_EQ(ContentAfterReopening(), expected);
}

TEST_P(LockStoreContractTest, DeletingWhatIsNotThereDoesNothing) {
  Commit({DeleteEnded{"never"}});
  EXPECT_EQ(ContentAfterReopening(), StoreContent());
}

TEST_P(LockStoreContractTest, AnIdHasOneRecord) {
  Commit({PutLease{Lease("id", 1)}});
  Commit({PutEnded{"id", EndCause::kReleased}});
  StoreContent expected;
  expected.ended = {{"id", EndCause::kReleased}};
  EXPECT_EQ(ContentAfterReopening(), expected) << "its lease has ended";
  Commit({PutLease{Lease("id", 2)}});
  expected.leases = {{"id", Lease("id", 2)}};
  expected.ended.clear();
  EXPECT_EQ(ContentAfterReopening(), expected);
  Commit({PutEnded{"id", EndCause::kExpired}, DeleteEnded{"id"}});
  EXPECT_EQ(ContentAfterReopening(), StoreContent()) << "nothing of it comes back";
}

TEST_P(LockStoreContractTest, KeepsEveryByteOfItsText) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  LeaseRecord odd = Lease("odd", 1);
  odd.spec.key = all_bytes;
  odd.spec.owner = "Jürgen 時計 \n\t\"";
  odd.spec.tags = {std::string(1, '\0'), "ключ", all_bytes};
  LeaseRecord large = Lease(std::string(64, 'i'), 2);
  large.spec.key = std::string(100'000, 'k');
  large.spec.owner = std::string(1'000'000, 'o');
  Commit({PutLease{odd}, PutLease{large}});
  StoreContent expected;
  expected.leases = {{"odd", odd}, {large.spec.lease_id, large}};
  EXPECT_EQ(ContentAfterReopening(), expected);
}

TEST_P(LockStoreContractTest, KeepsTheLimitsOfItsNumbers) {
  LeaseRecord longest = Lease("longest", std::numeric_limits<std::uint64_t>::max());
  longest.spec.expire = Duration::max() / 2;
  longest.granted_at = WallTime{std::numeric_limits<std::int64_t>::max()};
  LeaseRecord shortest = Lease("shortest", 1);
  shortest.spec.expire = Duration(1);
  shortest.granted_at = WallTime{std::numeric_limits<std::int64_t>::min()};
  Commit({PutLease{longest}, PutLease{shortest}, ReserveTokens{std::uint64_t{1} << 63U}});
  StoreContent expected;
  expected.leases = {{"longest", longest}, {"shortest", shortest}};
  expected.reserved_tokens = std::uint64_t{1} << 63U;
  EXPECT_EQ(ContentAfterReopening(), expected);
}

TEST_P(LockStoreContractTest, AnEmptyBatchIsFine) {
  Commit({});
  EXPECT_EQ(ContentAfterReopening(), StoreContent());
}

TEST_P(LockStoreContractTest, ManyRecordsComeBackOnce) {
  StoreContent expected;
  for (int batch = 0; batch < 20; ++batch) {
    RecordBatch changes;
    for (int i = 0; i < 500; ++i) {
      const std::string id = std::to_string(batch) + "-" + std::to_string(i);
      changes.push_back(PutLease{Lease(id, 1)});
      if (i % 2 == 0) {
        changes.push_back(PutEnded{id, EndCause::kReleased});
        expected.ended.emplace(id, EndCause::kReleased);
      } else {
        expected.leases.emplace(id, Lease(id, 1));
      }
    }
    Commit(changes);
  }
  EXPECT_EQ(ContentAfterReopening(), expected);
}

TEST_P(LockStoreContractTest, AFailedCommitIsReportedAndIsWholeOrNothing) {
  Commit({PutLease{Lease("before", 1)}});
  backend_->Break();
  EXPECT_FALSE(
      store_->Commit({PutLease{Lease("a", 2)}, PutEnded{"before", EndCause::kReleased}}).ok());
  const StoreContent content = ContentAfterReopening();
  const bool written = content.leases.contains("a");
  EXPECT_EQ(content.leases.contains("before"), !written);
}

TEST_P(LockStoreContractTest, AfterAFailedCommitNothingMoreIsWritten) {
  backend_->Break();
  EXPECT_FALSE(store_->Commit({PutLease{Lease("a", 1)}}).ok());
  EXPECT_FALSE(store_->Commit({PutLease{Lease("b", 2)}}).ok());
  EXPECT_FALSE(ContentAfterReopening().leases.contains("b"));
}

INSTANTIATE_TEST_SUITE_P(
    Stores, LockStoreContractTest,
    ::testing::Values(
        BackendKind{"Memory", [] { return std::make_unique<MemoryBackend>(); }},
        BackendKind{"RocksDbSync",
                    [] { return std::make_unique<RocksDbBackend>(Durability::kSync); }},
        BackendKind{"RocksDbProcess",
                    [] { return std::make_unique<RocksDbBackend>(Durability::kProcess); }}),
    [](const ::testing::TestParamInfo<BackendKind>& param) { return param.param.name; });

}  // namespace
}  // namespace holdfast
