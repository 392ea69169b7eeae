// What is particular to the fake; what it shares with real stores is in
// lock_store_contract_test.cc.

#include "services/lock/storage/testing/memory_store.h"

#include <memory>

#include "gtest/gtest.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

TEST(MemoryStoreTest, AFailedCommitLeavesNothingOrEverythingAsTold) {
  for (const auto failure :
       {MemoryDisk::Failure::kNothingWritten, MemoryDisk::Failure::kAllWritten}) {
    const auto disk = std::make_shared<MemoryDisk>();
    MemoryStore store(disk);
    disk->FailNextCommit(absl::InternalError("broken"), failure);
    const absl::Status status = store.Commit({PutEnded{"a", EndCause::kReleased}});
    EXPECT_EQ(status.message(), "broken");
    MemoryStore next(disk);
    EXPECT_EQ(LoadContent(next).ended.contains("a"), failure == MemoryDisk::Failure::kAllWritten);
    EXPECT_TRUE(next.Commit({PutEnded{"b", EndCause::kReleased}}).ok()) << "only one was to fail";
  }
}

TEST(MemoryStoreTest, ADeadProcessWritesNoMore) {
  const auto disk = std::make_shared<MemoryDisk>();
  MemoryStore dead(disk);
  MemoryStore alive(disk);
  EXPECT_EQ(dead.Commit({PutEnded{"a", EndCause::kReleased}}).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(alive.Commit({PutEnded{"b", EndCause::kReleased}}).ok());
  EXPECT_EQ(LoadContent(alive).ended.size(), 1u);
}

}  // namespace
}  // namespace holdfast
