// Every call to the system that a data directory and its files are made with fails once: it
// is told, and the next start finds its way.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/data_directory.h"
#include "services/lock/storage/durable_file.h"
#include "services/lock/storage/testing/scratch_directory.h"

namespace {

// What the functions below do. This program has one thread.
struct Failing {
  int call = 0;  // Which one, from 1 on; 0: none.
  int calls = 0;
  int error = EIO;
  std::string unopened;  // A path that cannot be opened, for want of permission.
  int file_system_syncs = 0;
};
Failing failing;

bool Fails() {
  if (failing.call == 0 || ++failing.calls != failing.call) return false;
  errno = failing.error;
  return true;
}

}  // namespace

// In place of the C library's.
extern "C" {

int openat(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  if (path == failing.unopened) {
    errno = EACCES;
    return -1;
  }
  return Fails() ? -1 : static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}
int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return openat(AT_FDCWD, path, flags, mode);
}
ssize_t read(int fd, void* bytes, size_t size) {
  return Fails() ? -1 : syscall(SYS_read, fd, bytes, size);
}
int fsync(int fd) { return Fails() ? -1 : static_cast<int>(syscall(SYS_fsync, fd)); }
int syncfs(int fd) noexcept {
  ++failing.file_system_syncs;
  return Fails() ? -1 : static_cast<int>(syscall(SYS_syncfs, fd));
}
ssize_t write(int fd, const void* bytes, size_t size) {
  return Fails() ? -1 : syscall(SYS_write, fd, bytes, size);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return Fails() ? -1 : syscall(SYS_pwrite64, fd, bytes, size, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  return Fails() ? -1 : static_cast<int>(syscall(SYS_ftruncate, fd, size));
}
int mkdir(const char* path, mode_t mode) noexcept {
  return Fails() ? -1 : static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int rename(const char* from, const char* to) noexcept {
  return Fails() ? -1 : static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlinkat(int fd, const char* path, int flags) noexcept {
  return Fails() ? -1 : static_cast<int>(syscall(SYS_unlinkat, fd, path, flags));
}

}  // extern "C"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// What is done in a folder of its own, again and again, with another call failing each
// time, until none is left to fail.
struct Case {
  std::function<void(const std::string& folder)> prepare = [](const std::string&) {};
  std::function<absl::Status(const std::string& folder)> act;
  // After each time.
  std::function<void(const std::string& folder)> check = [](const std::string&) {};
};

// Returns how many calls there were.
int FailEveryCall(const Case& one) {
  for (int call = 1;; ++call) {
    const ScratchDirectory scratch;
    one.prepare(scratch / "");
    failing.call = call;
    const absl::Status status = one.act(scratch / "");
    const bool failed = failing.calls >= call;
    failing = {};
    one.check(scratch / "");
    if (!failed) {
      EXPECT_TRUE(status.ok()) << status;
      return call - 1;
    }
    EXPECT_FALSE(status.ok()) << "the failure of call " << call << " was not told";
    EXPECT_THAT(std::string(status.message()), HasSubstr("Input/output error"));
  }
}

absl::Status MakeDirectory(const std::string& path) {
  auto directory = DataDirectory::Open(path);
  return directory.ok() ? (*directory)->MarkReady() : directory.status();
}

void ExpectCanBeMade(const std::string& path) {
  const absl::Status status = MakeDirectory(path);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(DataDirectory::Open(path).ok());
}

TEST(FailingFileCallsTest, ADirectoryIsNotMadeHalf) {
  const int calls = FailEveryCall({
      .act = [](const std::string& folder) { return MakeDirectory(folder + "data"); },
      .check = [](const std::string& folder) { ExpectCanBeMade(folder + "data"); },
  });
  EXPECT_GE(calls, 25) << "two directories and two files, their names, and the pid";
}

TEST(FailingFileCallsTest, WhatAnEarlierAttemptHasLeftIsNeverKept) {
  FailEveryCall({
      .prepare =
          [](const std::string& folder) {
            { EXPECT_TRUE(DataDirectory::Open(folder + "data").ok()); }
            std::ofstream(folder + "data/db/CURRENT") << "half";
          },
      .act = [](const std::string& folder) { return MakeDirectory(folder + "data"); },
      .check =
          [](const std::string& folder) {
            ExpectCanBeMade(folder + "data");
            EXPECT_TRUE(fs::is_empty(folder + "data/db"));
          },
  });
}

TEST(FailingFileCallsTest, AFileIsReplacedOrStaysAsItWas) {
  const int calls = FailEveryCall({
      .prepare = [](const std::string& folder) { std::ofstream(folder + "file") << "old"; },
      .act = [](const std::string& folder) { return ReplaceFile(folder + "file", "new"); },
      .check =
          [](const std::string& folder) {
            const std::string content = *ReadFile(folder + "file");
            EXPECT_TRUE(content == "old" || content == "new") << content;
          },
  });
  EXPECT_EQ(calls, 6) << "open, write, sync, rename, and open and sync the folder";
}

TEST(FailingFileCallsTest, AFileIsCutAndTheCutIsSynced) {
  const int calls = FailEveryCall({
      .prepare = [](const std::string& folder) { std::ofstream(folder + "file") << "content"; },
      .act = [](const std::string& folder) { return TruncateFile(folder + "file", 3); },
  });
  EXPECT_EQ(calls, 3);
}

TEST(FailingFileCallsTest, AFileIsReadOrWhyNotIsTold) {
  const int calls = FailEveryCall({
      .prepare = [](const std::string& folder) { std::ofstream(folder + "file") << "content"; },
      .act = [](const std::string& folder) { return ReadFile(folder + "file").status(); },
  });
  EXPECT_EQ(calls, 3) << "open, read, and read the end";
}

TEST(FailingFileCallsTest, WhatASignalInterruptsIsDoneAgain) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "file";
  failing = {.call = 2, .error = EINTR};
  const absl::Status replaced = ReplaceFile(path, "content");
  failing = {.call = 2, .error = EINTR};
  const absl::StatusOr<std::string> content = ReadFile(path);
  const int calls = failing.calls;
  failing = {};
  EXPECT_TRUE(replaced.ok()) << replaced;
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, "content");
  EXPECT_EQ(calls, 4) << "one more than without the signal";
}

// Whoever may make names in a directory may not always open it.
TEST(FailingFileCallsTest, WhereTheParentCannotBeOpenedItsFileSystemIsSynced) {
  int syncs = 0;
  FailEveryCall({
      .prepare =
          [](const std::string& folder) {
            fs::create_directory(folder + "parent");
            failing.unopened = folder + "parent";
          },
      .act =
          [&](const std::string& folder) {
            const absl::Status status = MakeDirectory(folder + "parent/data");
            syncs = failing.file_system_syncs;
            return status;
          },
      .check = [](const std::string& folder) { ExpectCanBeMade(folder + "parent/data"); },
  });
  EXPECT_EQ(syncs, 1) << "where no call failed";
}

// Some file systems answer so to the sync of a directory.
TEST(FailingFileCallsTest, WhereADirectoryCannotBeSyncedItsFileSystemIs) {
  const ScratchDirectory scratch;
  failing = {.call = 3, .error = EINVAL};  // After mkdir and the parent's open.
  const auto directory = DataDirectory::Open(scratch / "data");
  const int syncs = failing.file_system_syncs;
  failing = {};
  EXPECT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(syncs, 1);
}

}  // namespace
}  // namespace holdfast
