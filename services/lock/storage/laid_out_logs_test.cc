// What a log looks like while it is laid out, and once it is closed, and what becomes of
// it where there is no room.

#include "services/lock/storage/laid_out_logs.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "rocksdb/file_system.h"
#include "services/lock/storage/testing/scratch_directory.h"

namespace holdfast {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::size_t kStep = 8192;

// A disk with room for so many bytes of each file.
class SmallDisk final : public rocksdb::FileSystemWrapper {
 public:
  explicit SmallDisk(std::size_t room)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), room_(room) {}

  const char* Name() const override { return "holdfast.SmallDisk"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = target()->NewWritableFile(name, options, &file, debug);
    *result = std::make_unique<End>(room_, std::move(file));
    return status;
  }
  IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                           IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    IOStatus status = target()->NewRandomRWFile(name, options, &file, debug);
    *result = std::make_unique<Content>(room_, std::move(file));
    return status;
  }

 private:
  // As a disk does it: what there is room for is written, and then no more.
  class End final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    End(std::size_t room, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), room_(room) {}

    using FSWritableFileOwnerWrapper::Append;
    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
      const std::size_t part = std::min(data.size(), room_);
      room_ -= part;
      IOStatus status = target()->Append(Slice(data.data(), part), options, debug);
      return part == data.size() || !status.ok() ? status : IOStatus::NoSpace("for the zeros");
    }

   private:
    std::size_t room_;
  };

  class Content final : public rocksdb::FSRandomRWFileOwnerWrapper {
   public:
    Content(std::size_t room, std::unique_ptr<rocksdb::FSRandomRWFile> file)
        : FSRandomRWFileOwnerWrapper(std::move(file)), room_(room) {}

    IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                   IODebugContext* debug) override {
      if (offset + data.size() > room_) return IOStatus::NoSpace("for the commit");
      return target()->Write(offset, data, options, debug);
    }

   private:
    const std::size_t room_;
  };

  const std::size_t room_;
};

class LaidOutLogsTest : public ::testing::Test {
 protected:
  // A new log in `env`.
  static std::unique_ptr<rocksdb::FSWritableFile> NewFile(rocksdb::Env& env,
                                                          const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const IOStatus made =
        env.GetFileSystem()->NewWritableFile(path, rocksdb::FileOptions(), &file, nullptr);
    EXPECT_TRUE(made.ok()) << made.ToString();
    return file;
  }

  static IOStatus Append(rocksdb::FSWritableFile& file, const std::string& data) {
    return file.Append(data, IOOptions(), nullptr);
  }

  static std::string ContentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  static std::string Padded(std::string data, std::size_t size) {
    data.resize(size, '\0');
    return data;
  }

  const ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "000004.log";
};

TEST_F(LaidOutLogsTest, AreLaidOutByStepsAndOverwritten) {
  const auto env = EnvWithLaidOutLogs(nullptr, kStep);
  const auto file = NewFile(*env, path_);
  EXPECT_EQ(ContentOf(path_), "") << "nothing before the first commit";
  std::string all;
  for (const std::size_t size : {100, 8000, 92, 1, 20'000, 1}) {
    const std::string data(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(Append(*file, data).ok());
    all += data;
    const std::size_t laid_out = (all.size() + kStep - 1) / kStep * kStep;
    ASSERT_EQ(ContentOf(path_), Padded(all, laid_out)) << "after " << size;
  }
  EXPECT_EQ(file->GetFileSize(IOOptions(), nullptr), all.size());
  ASSERT_TRUE(file->Close(IOOptions(), nullptr).ok());
  EXPECT_EQ(ContentOf(path_), all) << "the zeros are cut off";
}

TEST_F(LaidOutLogsTest, AStepIsRoundedUp) {
  const auto env = EnvWithLaidOutLogs(nullptr, 1);
  const auto file = NewFile(*env, path_);
  ASSERT_TRUE(Append(*file, "a").ok());
  EXPECT_EQ(ContentOf(path_).size(), 4096u);
}

TEST_F(LaidOutLogsTest, OtherFilesAreNot) {
  const auto env = EnvWithLaidOutLogs(nullptr, kStep);
  for (const std::string name : {"000004.sst", "MANIFEST-000005", "LOG"}) {
    const auto file = NewFile(*env, scratch_ / name);
    ASSERT_TRUE(Append(*file, "content").ok());
    ASSERT_TRUE(file->Close(IOOptions(), nullptr).ok());
    EXPECT_EQ(ContentOf(scratch_ / name), "content");
  }
}

// Every byte of the disk can be had for commits.
TEST_F(LaidOutLogsTest, WhereThereIsNoRoomForZerosCommitsAreStillWritten) {
  const auto disk = rocksdb::NewCompositeEnv(std::make_shared<SmallDisk>(10'000));
  const auto env = EnvWithLaidOutLogs(disk.get(), kStep);
  const auto file = NewFile(*env, path_);
  std::string all;
  for (int i = 0; i < 10; ++i) {
    const std::string data(1000, static_cast<char>('a' + i));
    ASSERT_TRUE(Append(*file, data).ok()) << i;
    all += data;
  }
  const IOStatus full = Append(*file, "x");
  EXPECT_TRUE(full.IsNoSpace()) << full.ToString();
  EXPECT_EQ(ContentOf(path_), all);
  EXPECT_TRUE(file->Close(IOOptions(), nullptr).ok());
}

TEST_F(LaidOutLogsTest, AfterAFailureALogIsLeftAsItIs) {
  const auto disk = rocksdb::NewCompositeEnv(std::make_shared<SmallDisk>(kStep));
  const auto env = EnvWithLaidOutLogs(disk.get(), kStep);
  const auto file = NewFile(*env, path_);
  ASSERT_TRUE(Append(*file, "commit").ok());
  ASSERT_FALSE(Append(*file, std::string(kStep, 'x')).ok());
  ASSERT_TRUE(file->Close(IOOptions(), nullptr).ok());
  EXPECT_EQ(ContentOf(path_), Padded("commit", kStep));
}

}  // namespace
}  // namespace holdfast
