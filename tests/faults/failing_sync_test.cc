// A sync of the server fails (failing_sync.cc): nothing is acknowledged any more, no
// sync is tried again, the server stops and says why, and what it had acknowledged is
// there at the next start.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/faults/load.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr ExitStatus kIoError{.code = ToInt(ExitCode::kIoError)};

// A server whose syncs are logged, and one of them fails.
class FailingSyncTest : public ::testing::Test {
 protected:
  // Begins a new log. 0: none fails. `of`: only those of paths that end so count.
  void FailSync(std::size_t number, const std::string& of = "") {
    std::ofstream{SyncLogPath()};
    server_.SetEnvironment(
        {"LD_PRELOAD=" + Runfile("tests/faults/failing_sync.so"),
         "HOLDFAST_SYNC_LOG=" + SyncLogPath(), "HOLDFAST_FAIL_SYNC=" + std::to_string(number),
         "HOLDFAST_FAIL_OF=" + of, "HOLDFAST_SYNC_FOLDER=" + server_.data_dir()});
  }

  std::vector<std::string> Syncs() const {
    std::ifstream file(SyncLogPath());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  // The server has ended because of the sync that failed, and did not try it again. (As it
  // ends it may sync other files.)
  void ExpectStopped() {
    EXPECT_EQ(server_.WaitForExit(kWaitLimit), kIoError) << server_.Log();
    EXPECT_THAT(server_.Log(), HasSubstr("Input/output error"));
    const std::vector<std::string> syncs = Syncs();
    const auto failed = std::find_if(syncs.begin(), syncs.end(), [](const std::string& line) {
      return line.find(" failed ") != std::string::npos;
    });
    ASSERT_NE(failed, syncs.end());
    const std::string path = failed->substr(failed->rfind(' '));
    for (auto later = failed + 1; later != syncs.end(); ++later) {
      EXPECT_NE(later->substr(later->rfind(' ')), path) << "synced again after it had failed";
    }
  }

  // Fails each sync of a start with the data in `from`, or without data if there is
  // none. Each time the next start finds what was `told`.
  void FailEachSyncOfAStart(const std::string& from, const Told& told) {
    for (std::size_t number = 1;; ++number) {
      fs::remove_all(server_.data_dir());
      if (fs::exists(from)) fs::copy(from, server_.data_dir(), fs::copy_options::recursive);
      FailSync(number);
      // RocksDB's threads may still sync when the server serves already.
      if (server_.Start().ok() && Syncs().size() < number) {
        EXPECT_GT(number, 4u) << "the syncs are not where they fail";
        std::cout << number - 1 << " syncs of a start\n";
        server_.Kill9();
        return;
      }
      ExpectStopped();
      ExpectAllIsThere(told);
      server_.Kill9();
      if (HasFailure()) return;
    }
  }

  // Starts the server with sound syncs.
  void ExpectAllIsThere(const Told& told) {
    server_.SetEnvironment({});
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    StubClient client(server_.address());
    CountLost(client, told, false);
  }

  ServerProcess server_;
  const TempDir folder_;

 private:
  std::string SyncLogPath() const { return folder_.path() + "/syncs"; }
};

TEST_F(FailingSyncTest, OfAFirstStart) { FailEachSyncOfAStart(folder_.path() + "/none", {}); }

TEST_F(FailingSyncTest, OfALaterStart) {
  FailSync(9, ".log");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  Told told;
  {
    StubClient client(server_.address());
    UseUntilItFails(client, "client", {}, std::atomic<bool>(false), told);
  }
  ExpectStopped();
  const std::string from = folder_.path() + "/data";
  fs::copy(server_.data_dir(), from, fs::copy_options::recursive);
  FailEachSyncOfAStart(from, told);
}

TEST_F(FailingSyncTest, OfACommit) {
  for (const std::size_t commit : {1, 2, 3, 10, 41}) {
    FailSync(commit, ".log");
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    Told told;
    {
      StubClient client(server_.address());
      UseUntilItFails(client, "client-" + std::to_string(commit), {}, std::atomic<bool>(false),
                      told);
    }
    ExpectStopped();
    EXPECT_EQ(told.calls_acknowledged(), commit - 1) << "each call is a commit with one sync";
    ExpectAllIsThere(told);
    server_.Kill9();
  }
}

TEST_F(FailingSyncTest, OfATableInTheBackground) {
  FailSync(1, ".sst");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  // More than RocksDB keeps in memory, so that it has to write a table.
  std::vector<std::string> tags;
  for (char tag = 'a'; tag < 'a' + 16; ++tag) tags.emplace_back(128, tag);
  Load load(server_.address(), "client", 4, tags);
  EXPECT_EQ(server_.WaitForExit(kWaitLimit), kIoError) << server_.Log();
  EXPECT_THAT(server_.Log(), HasSubstr("in the background"));
  load.Stop();

  server_.SetEnvironment({});
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  load.Join();
  StubClient client(server_.address());
  std::size_t acknowledged = 0;
  for (const auto& told : load.told()) {
    CountLost(client, *told, false);
    acknowledged += told->calls_acknowledged();
  }
  std::cout << acknowledged << " grants and releases had been acknowledged\n";
}

}  // namespace
}  // namespace holdfast
