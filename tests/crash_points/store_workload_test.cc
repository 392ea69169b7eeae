// The workload has in it all that the crash points are to fall into.

#include "tests/crash_points/store_workload.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <variant>

#include "gtest/gtest.h"
#include "services/lock/engine/token_source.h"
#include "services/lock/storage/testing/store_content.h"
#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_operation.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// The run that crash_points_test cuts short has this seed.
constexpr WorkloadOptions kOptions = {.seed = 1};

class StoreWorkloadTest : public ::testing::Test {
 protected:
  static StoreRun Run() {
    const std::string folder = fs::canonical(::testing::TempDir()).string() + "/workload-test";
    PutDiskImage({}, folder);
    StoreRun run = RunWorkload(folder, kOptions);
    fs::remove_all(folder);
    return run;
  }

  // How often the commits did what `change` says of two states that follow each other.
  template <typename Change>
  static int Count(const StoreRun& run, const Change& change) {
    int count = 0;
    for (std::size_t i = 1; i < run.commits.size(); ++i) {
      count += change(run.commits[i - 1].content, run.commits[i].content);
    }
    return count;
  }

  // How many leases `after` has that `before` has with another spec.
  static int Renewals(const StoreContent& before, const StoreContent& after) {
    return static_cast<int>(
        std::count_if(after.leases.begin(), after.leases.end(), [&](const auto& entry) {
          const auto old = before.leases.find(entry.first);
          return old != before.leases.end() && old->second.spec != entry.second.spec;
        }));
  }
};

TEST_F(StoreWorkloadTest, CommitsOfEveryKind) {
  const StoreRun run = Run();
  ASSERT_EQ(run.status, absl::OkStatus());
  const auto ended_by = [&](EndCause cause) {
    return Count(run, [&](const StoreContent& before, const StoreContent& after) {
      return std::any_of(after.ended.begin(), after.ended.end(), [&](const auto& entry) {
        return entry.second == cause && !before.ended.contains(entry.first);
      });
    });
  };
  EXPECT_GE(ended_by(EndCause::kReleased), 5);
  EXPECT_GE(ended_by(EndCause::kExpired), 2);
  EXPECT_GE(Count(run, Renewals), 3);
  EXPECT_GE(Count(run,
                  [](const StoreContent& before, const StoreContent& after) {
                    return after.leases.size() > before.leases.size();
                  }),
            10);
  EXPECT_GE(Count(run,
                  [](const StoreContent& before, const StoreContent& after) {
                    return after.ended.size() < before.ended.size();
                  }),
            1)
      << "ended ids were forgotten";
  EXPECT_EQ(run.commits.back().content.reserved_tokens,
            TokenSource::kBlock * static_cast<std::uint64_t>(kOptions.starts));
}

TEST_F(StoreWorkloadTest, OperationsOfEveryKindOnEveryKindOfFile) {
  std::map<std::string, int> seen;  // "write .log"
  std::size_t longest_commit = 0;
  int laid_out = 0;
  const StoreRun run = Run();
  for (const DiskOperation& operation : run.journal) {
    const auto* write = std::get_if<WriteOperation>(&operation);
    laid_out += write != nullptr && write->data.find_first_not_of('\0') == std::string::npos;
    const fs::path path = PathOf(operation);
    const std::string name = path.filename();
    const std::string kind =
        path.has_extension() ? path.extension().string() : name.substr(0, name.find('-'));
    ++seen[KindOf(operation) + " " + kind];
  }
  for (std::size_t i = 1; i < run.commits.size(); ++i) {
    std::size_t bytes = 0;
    for (std::size_t at = run.commits[i].begun; at < run.commits[i].acknowledged; ++at) {
      const auto* write = std::get_if<WriteOperation>(&run.journal[at]);
      if (write != nullptr && write->file.path.ends_with(".log")) bytes += write->data.size();
    }
    longest_commit = std::max(longest_commit, bytes);
  }
  EXPECT_GT(longest_commit, 32u * 1024) << "a commit spans blocks of the log";

  EXPECT_GT(laid_out, 2 * kOptions.starts) << "logs are laid out, and again while they are used";

  // Each start makes a log, a manifest and perhaps a table. What is more was made
  // while commits went on.
  const int starts = kOptions.starts;
  EXPECT_GT(seen["create .log"], starts);
  EXPECT_GT(seen["create .sst"], starts);
  EXPECT_GE(seen["create MANIFEST"], starts);
  EXPECT_GT(seen["sync MANIFEST"], starts);
  for (const char* what :
       {"mkdir data",     "mkdir db",       "create .tmp", "sync .tmp",       "rename FORMAT",
        "sync data",      "write .log",     "sync .log",   "resize .log",     "remove .log",
        "write .sst",     "sync .sst",      "remove .sst", "write MANIFEST",  "remove MANIFEST",
        "rename CURRENT", "rename OPTIONS", "sync db",     "rename IDENTITY", "write LOCK"}) {
    EXPECT_GT(seen[what], 0) << what;
  }
  if (HasFailure()) {
    for (const auto& [what, count] : seen) std::cout << count << " " << what << "\n";
  }
}

TEST_F(StoreWorkloadTest, TheSeedDecidesTheCommits) {
  const StoreRun first = Run();
  const StoreRun second = Run();
  ASSERT_EQ(first.commits.size(), second.commits.size());
  for (std::size_t i = 0; i < first.commits.size(); ++i) {
    ASSERT_EQ(first.commits[i].content, second.commits[i].content) << "commit " << i;
  }
}

}  // namespace
}  // namespace holdfast
