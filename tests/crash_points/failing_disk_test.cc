// A disk that fails for good while the server lives, at any of its operations: what
// was acknowledged is there when a disk works again, and of the commit that failed
// all or nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"
#include "services/common/log.h"
#include "services/lock/storage/testing/faulty_file_system.h"
#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/recovery.h"
#include "tests/crash_points/store_workload.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// RocksDB sleeps for a second when a table cannot be written. Here nobody has to wait
// for the disk to come back.
class ImpatientClock : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "holdfast.ImpatientClock"; }
  void SleepForMicroseconds(int /*micros*/) override {}
};

class FailingEnv : public rocksdb::EnvWrapper {
 public:
  explicit FailingEnv(const std::shared_ptr<rocksdb::FileSystem>& file_system)
      : EnvWrapper(rocksdb::NewCompositeEnv(file_system)) {
    file_system_ = file_system;
    system_clock_ = std::make_shared<ImpatientClock>();
  }
};

class FailingDiskTest : public ::testing::TestWithParam<Durability> {
 protected:
  StoreRun Run(const std::shared_ptr<FaultyFileSystem>& file_system) {
    PutDiskImage({}, folder_);
    FailingEnv env(file_system);
    return RunWorkload(
        folder_, {.seed = 1, .durability = GetParam(), .starts = 2, .turns = 10, .env = &env});
  }

  const std::string folder_ = fs::canonical(::testing::TempDir()).string() + "/failing-disk-test";
};

TEST_P(FailingDiskTest, AtEveryOperation) {
  SetLogLevel(LogLevel::kError);
  const auto all = std::make_shared<FaultyFileSystem>();
  ASSERT_EQ(Run(all).status, absl::OkStatus());
  const std::uint64_t operations = all->operations();
  ASSERT_GT(operations, 80u) << "the faults are not where RocksDB writes";

  std::size_t failed_commits = 0;
  for (std::uint64_t last = 1; last <= operations; ++last) {
    const auto file_system = std::make_shared<FaultyFileSystem>();
    file_system->FailFrom(last);
    const StoreRun run = Run(file_system);
    Expectation expected{.commits = &run.commits, .last_begun = run.commits.size() - 1};
    for (std::size_t i = 0; i < run.commits.size(); ++i) {
      if (run.commits[i].acknowledged != kNever) expected.last_acknowledged = i;
    }
    failed_commits += expected.last_begun - expected.last_acknowledged;
    ASSERT_LE(expected.last_begun - expected.last_acknowledged, 1u)
        << "something was committed after a commit had failed";
    const Recovery recovery = Recover(TakeDiskImage(folder_), folder_, GetParam(), expected);
    ASSERT_EQ(recovery.fault, "") << "failed from operation " << last << " of " << operations;
  }
  EXPECT_GT(failed_commits, 20u);
  std::cout << operations << " recoveries, " << failed_commits
            << " of them after a failed commit\n";
  fs::remove_all(folder_);
}

INSTANTIATE_TEST_SUITE_P(EachDurability, FailingDiskTest,
                         ::testing::Values(Durability::kSync, Durability::kProcess),
                         [](const auto& durability) {
                           return durability.param == Durability::kSync ? "Sync" : "Process";
                         });

}  // namespace
}  // namespace holdfast
