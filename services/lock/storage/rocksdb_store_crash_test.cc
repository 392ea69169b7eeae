// A process that dies at any of its operations on the disk leaves a store that
// opens, with everything that was acknowledged, and of the commit that was on
// its way all or nothing.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/lock/storage/faulty_file_system.h"
#include "services/lock/storage/open_store.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/scratch_directory.h"
#include "services/lock/storage/store_content.h"

namespace holdfast {
namespace {

// What a store should hold after a run that may have been cut short.
struct Expectation {
  StoreContent acknowledged;
  StoreContent with_the_last;  // The same, or with a commit that failed.
};

class RocksDbStoreCrashTest : public ::testing::Test {
 protected:
  // Opens the store twice, with some commits each time, so that it is made,
  // written, and recovered from its log. Stops where the disk does.
  Expectation Run(const std::shared_ptr<FaultyFileSystem>& file_system) {
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(file_system);
    Expectation expected;
    for (int session = 0; session < 2; ++session) {
      auto store = OpenStore(path_, {.env = env.get()});
      if (!store.ok()) break;
      for (int i = 0; i < 3; ++i) {
        const std::string id = std::to_string(session) + "." + std::to_string(i);
        expected.with_the_last.ended.emplace(id, EndCause::kReleased);
        expected.with_the_last.ended.emplace(id + "+", EndCause::kExpired);
        const absl::Status committed = (*store)->Commit(
            {PutEnded{id, EndCause::kReleased}, PutEnded{id + "+", EndCause::kExpired}});
        if (!committed.ok()) return expected;
        expected.acknowledged = expected.with_the_last;
      }
    }
    return expected;
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
};

TEST_F(RocksDbStoreCrashTest, AtEveryOperation) {
  const auto all = std::make_shared<FaultyFileSystem>();
  Run(all);
  const std::uint64_t operations = all->operations();
  ASSERT_GT(operations, 40u) << "the faults are not where RocksDB writes";

  for (std::uint64_t last = 1; last <= operations; ++last) {
    std::filesystem::remove_all(path_);
    const auto file_system = std::make_shared<FaultyFileSystem>();
    file_system->FailFrom(last);
    const Expectation expected = Run(file_system);

    auto store = OpenStore(path_);
    ASSERT_TRUE(store.ok()) << "died at operation " << last << ": " << store.status();
    const StoreContent content = LoadContent(**store);
    ASSERT_TRUE(content == expected.acknowledged || content == expected.with_the_last)
        << "died at operation " << last << " of " << operations << ": " << content.ended.size()
        << " records, acknowledged " << expected.acknowledged.ended.size();
  }
}

}  // namespace
}  // namespace holdfast
