// What is recorded must explain what is on the disk, whoever has put it there.

#include "tests/crash_points/disk_recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/rocksdb_store.h"
#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_model.h"
#include "tests/crash_points/disk_operation.h"
#include "tests/crash_points/store_workload.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class DiskRecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::canonical(::testing::TempDir()).string() + "/disk-recorder-test";
    PutDiskImage({}, folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  int Open(const std::string& name, int flags) {
    const int fd = open((folder_ + "/" + name).c_str(), flags | O_CLOEXEC, 0600);
    EXPECT_GE(fd, 0) << name;
    return fd;
  }
  static void Write(int fd, const std::string& data) {
    EXPECT_EQ(write(fd, data.data(), data.size()), static_cast<ssize_t>(data.size()));
  }

  static std::vector<std::string> Described(const DiskJournal& journal) {
    std::vector<std::string> lines;
    for (const DiskOperation& operation : journal) lines.push_back(Describe(operation));
    return lines;
  }
  static DiskModel ModelOf(const DiskJournal& journal) {
    DiskModel disk;
    for (const DiskOperation& operation : journal) disk.Apply(operation);
    return disk;
  }

  std::string folder_;
};

TEST_F(DiskRecorderTest, WritesDownWhatChangesFilesAndNothingElse) {
  DiskRecorder recorder(folder_);
  mkdir((folder_ + "/d").c_str(), 0700);
  const int fd = Open("d/f", O_WRONLY | O_CREAT);
  Write(fd, "abc");
  EXPECT_EQ(pwrite(fd, "B", 1, 1), 1);
  EXPECT_EQ(fdatasync(fd), 0);
  EXPECT_EQ(ftruncate(fd, 2), 0);
  EXPECT_EQ(fsync(fd), 0);
  close(fd);
  const int directory = Open("d", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(fsync(directory), 0);
  close(directory);
  EXPECT_EQ(std::rename((folder_ + "/d/f").c_str(), (folder_ + "/g").c_str()), 0);
  EXPECT_EQ(unlink((folder_ + "/none").c_str()), -1) << "a call that failed has done nothing";
  EXPECT_EQ(rmdir((folder_ + "/d").c_str()), 0);
  EXPECT_EQ(unlink((folder_ + "/g").c_str()), 0);
  EXPECT_THAT(
      Described(recorder.Stop()),
      ElementsAre("mkdir d", "create d/f", "open d/f", "write 3 bytes at 0 of d/f",
                  "write 1 bytes at 1 of d/f", "sync d/f", "resize to 2 bytes d/f", "sync d/f",
                  "open d", "sync d", "rename d/f to g", "remove d", "remove g"));
}

TEST_F(DiskRecorderTest, AppendingAndCuttingAtOpenIsExplained) {
  DiskRecorder recorder(folder_);
  for (const char* content : {"first", "and more"}) {
    const int fd = Open("appended", O_WRONLY | O_CREAT | O_APPEND);
    Write(fd, content);
    close(fd);
  }
  for (const char* content : {"long content", "short"}) {
    const int fd = Open("cut", O_WRONLY | O_CREAT | O_TRUNC);
    Write(fd, content);
    close(fd);
  }
  const DiskJournal journal = recorder.Stop();
  EXPECT_EQ(ModelOf(journal).Kept(), (DiskImage{{"appended", "firstand more"}, {"cut", "short"}}));
  EXPECT_EQ(ModelOf(journal).Kept(), TakeDiskImage(folder_));
}

TEST_F(DiskRecorderTest, TheStandardLibraryIsRecordedToo) {
  DiskRecorder recorder(folder_);
  fs::create_directories(folder_ + "/a/b");
  for (const char* name : {"/a/1", "/a/b/2"}) close(Open(name, O_WRONLY | O_CREAT));
  fs::create_directory(folder_ + "/kept");
  fs::remove_all(folder_ + "/a");
  EXPECT_EQ(ModelOf(recorder.Stop()).Kept(), (DiskImage{{"kept/", ""}}));
}

TEST_F(DiskRecorderTest, BeginsWithWhatIsThere) {
  const DiskImage image = {{"d/", ""}, {"d/f", "content"}, {"g", ""}};
  PutDiskImage(image, folder_);
  DiskRecorder recorder(folder_, image);
  const std::size_t begin = recorder.position();
  const int fd = Open("d/f", O_WRONLY);
  EXPECT_EQ(ftruncate(fd, 3), 0);
  close(fd);
  const DiskJournal journal = recorder.Stop();
  EXPECT_EQ(ModelOf(journal).Dropped(), image);
  EXPECT_EQ(ModelOf(journal).Kept(), TakeDiskImage(folder_));
  EXPECT_EQ(Describe(journal.at(begin)), "open d/f");
}

TEST_F(DiskRecorderTest, WhatIsElsewhereIsNotRecorded) {
  PutDiskImage({{"inside/", ""}, {"beside", ""}}, folder_);
  DiskRecorder recorder(folder_ + "/inside");
  Write(Open("beside", O_WRONLY), "x");
  close(Open("inside-not", O_WRONLY | O_CREAT));
  EXPECT_EQ(recorder.position(), 0u);
}

TEST_F(DiskRecorderTest, ThreadsAreRecordedInTheOrderInWhichTheyWrite) {
  DiskRecorder recorder(folder_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      const int shared = Open("shared", O_WRONLY | O_CREAT | O_APPEND);
      for (int round = 0; round < 500; ++round) {
        Write(shared, std::to_string(i));
        const std::string own = "own-" + std::to_string(i);
        close(Open(own, O_WRONLY | O_CREAT));
        if (round % 2 == 0) unlink((folder_ + "/" + own).c_str());
      }
      close(shared);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ModelOf(recorder.Stop()).Kept(), TakeDiskImage(folder_));
}

TEST_F(DiskRecorderTest, AStoreUnderLoadIsExplained) {
  for (const Durability durability : {Durability::kSync, Durability::kProcess}) {
    PutDiskImage({}, folder_);
    const StoreRun run = RunWorkload(folder_, {.seed = 7, .durability = durability});
    ASSERT_EQ(run.status, absl::OkStatus());
    EXPECT_EQ(ModelOf(run.journal).Kept(), TakeDiskImage(folder_));
  }
}

}  // namespace
}  // namespace holdfast
