// The disk fills up: the server stops with a clear message rather than promise
// what it cannot keep, and what it had promised is there when there is room.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

constexpr ExitStatus kIoError{.code = ToInt(ExitCode::kIoError)};

// A small file system in memory, seen by this process and its children only.
// It goes with the process.
class SmallDisk {
 public:
  // Empty: it is mounted, with so many MiB. Otherwise why this machine does not allow it.
  // REQUIRES: the process has no other thread yet.
  std::string Mount(int mebibytes) {
    if (!EnterNamespace()) return std::string("unshare: ") + std::strerror(errno);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("holdfast-test", path().c_str(), "tmpfs", 0,
              ("size=" + std::to_string(mebibytes) + "m").c_str()) != 0) {
      return std::string("mount: ") + std::strerror(errno);
    }
    mounted_ = true;
    return "";
  }

  ~SmallDisk() {
    if (mounted_) umount2(path().c_str(), MNT_DETACH);
  }

  const std::string& path() const { return folder_.path(); }

  // Leaves `bytes` free.
  void FillUpTo(std::uintmax_t bytes) {
    const std::uintmax_t free = std::filesystem::space(path()).available;
    std::ofstream(path() + "/filler") << std::string(free > bytes ? free - bytes : 0, 'x');
  }
  void MakeRoom() { std::filesystem::remove(path() + "/filler"); }

 private:
  // As root, or else as the root of a user namespace.
  static bool EnterNamespace() {
    const std::string user_map = "0 " + std::to_string(geteuid()) + " 1";
    const std::string group_map = "0 " + std::to_string(getegid()) + " 1";
    if (unshare(CLONE_NEWNS) == 0) return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << user_map;
    // The kernel wants this first; see user_namespaces(7).
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/gid_map") << group_map;
    return true;
  }

  TempDir folder_;
  bool mounted_ = false;
};

TEST(DiskFullTest, StopsAndKeepsWhatWasAcknowledged) {
  SmallDisk disk;
  if (const std::string why = disk.Mount(32); !why.empty()) {
    GTEST_SKIP() << "NOT TESTED: a full disk, because this machine allows no mount: " << why;
  }
  ServerProcess server({.data_dir = disk.path() + "/data"});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  disk.FillUpTo(256 << 10);

  std::map<std::string, std::uint64_t> acknowledged;  // By key.
  {
    StubClient client(server.address());
    const std::string long_owner(256, 'o');
    for (int i = 0; i < 100'000; ++i) {
      const std::string key = "key-" + std::to_string(i) + std::string(400, '.');
      const auto answer =
          client.Acquire({.key = key, .lease_id = Id("holder", i), .owner = long_owner});
      if (!answer.ok()) break;
      acknowledged[key] = answer.response.fencing_token();
    }
  }
  EXPECT_EQ(server.WaitForExit(kWaitLimit), kIoError) << server.Log();
  EXPECT_THAT(server.Log(), testing::HasSubstr("No space left"));
  EXPECT_FALSE(acknowledged.empty());

  disk.MakeRoom();
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  const auto locks = client.ListAll();
  ASSERT_TRUE(locks.ok()) << locks.status;
  std::map<std::string, std::uint64_t> found;
  for (const v1::Lock& lock : locks.response) {
    found[lock.key()] = lock.holders(0).fencing_token();
  }
  for (const auto& [key, token] : acknowledged) EXPECT_EQ(found[key], token) << key;
  // The one that failed may be there or not; more cannot.
  EXPECT_LE(found.size(), acknowledged.size() + 1);
  std::cout << acknowledged.size() << " leases had been acknowledged\n";
}

// What was held is shown and can be let go of, although nothing else could be written.
TEST(DiskFullTest, AServerStartsOnAFullDiskByItsBallast) {
  SmallDisk disk;
  if (const std::string why = disk.Mount(192); !why.empty()) {
    GTEST_SKIP() << "NOT TESTED: a full disk, because this machine allows no mount: " << why;
  }
  ServerProcess server({.data_dir = disk.path() + "/data"});
  const std::string ballast = disk.path() + "/data/BALLAST";
  ASSERT_EQ(server.Start(), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::exists(ballast));
  constexpr int kLeases = 100;
  {
    StubClient client(server.address());
    for (int i = 0; i < kLeases; ++i) {
      const std::string key = "key-" + std::to_string(i);
      ASSERT_TRUE(client.Acquire({.key = key, .lease_id = Id("holder", i)}).ok());
    }
  }
  ASSERT_EQ(server.Terminate(kWaitLimit), ExitStatus{.code = ToInt(ExitCode::kOk)});
  disk.FillUpTo(0);

  ASSERT_EQ(server.Start(), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(ballast));
  EXPECT_THAT(server.Log(), testing::HasSubstr("the disk is full"));
  StubClient client(server.address());
  EXPECT_EQ(client.ListAll().response.size(), std::size_t{kLeases});
  for (int i = 0; i < kLeases; ++i) {
    EXPECT_TRUE(client.Release("key-" + std::to_string(i), Id("holder", i)).ok());
  }
  ASSERT_EQ(server.Terminate(kWaitLimit), ExitStatus{.code = ToInt(ExitCode::kOk)});

  disk.MakeRoom();
  ASSERT_EQ(server.Start(), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::exists(ballast)) << "it is there for the next time";
}

}  // namespace
}  // namespace holdfast
