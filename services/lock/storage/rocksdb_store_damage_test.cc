// What becomes of a database whose files were cut, changed or lost: either
// everything that was acknowledged is there, or the store does not open.

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/database_check.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/open_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kCommits = 5;

// Takes files from a server that was killed after several commits, the first
// ones of them in a table already.
class RocksDbStoreDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      auto store = Open();
      ASSERT_TRUE(store.ok()) << store.status();
      ASSERT_TRUE((*store)->Commit({ReserveTokens{1024}}).ok());
      ASSERT_TRUE((*store)->Commit(Grant(0)).ok());
    }
    auto store = Open();  // Moves what is in the log to a table.
    ASSERT_TRUE(store.ok()) << store.status();
    contents_.push_back(LoadContent(**store));
    for (int i = 1; i <= kCommits; ++i) {
      ASSERT_TRUE((*store)->Commit(Grant(i)).ok());
      StoreContent next = contents_.back();
      next.leases.emplace(Id(i), std::get<PutLease>(Grant(i)[0]).lease);
      next.ended.emplace("ended-" + Id(i), EndCause::kReleased);
      contents_.push_back(next);
      log_sizes_.push_back(TakeImage(path_)[LogName()].find_last_not_of('\0') + 1);
    }
    image_ = TakeImage(path_);
  }

  absl::StatusOr<std::unique_ptr<RocksDbStore>> Open() {
    // Small, so that little of the log is laid out.
    return OpenStore(path_, {.write_buffer_size = std::size_t{64} * 1024});
  }

  static std::string Id(int i) { return "lease-" + std::to_string(i); }

  static RecordBatch Grant(int i) {
    const std::uint64_t token = static_cast<std::uint64_t>(i) + 1;
    return {PutLease{{.spec = {.key = "key", .lease_id = Id(i), .owner = "o", .tags = {"a", "b"}},
                      .fencing_token = token,
                      .granted_at = WallTime{1}}},
            PutEnded{"ended-" + Id(i), EndCause::kReleased}};
  }

  // The write-ahead log that holds the commits.
  std::string LogName() {
    for (const auto& [name, content] : TakeImage(path_)) {
      if (name.ends_with(".log")) log_name_ = name;
    }
    return log_name_;
  }

  // Opens the store on `image` and loads it.
  absl::StatusOr<StoreContent> ContentOf(const DirectoryImage& image) {
    PutImage(image, path_);
    auto store = Open();
    if (!store.ok()) return store.status();
    StoreContent content;
    if (absl::Status status = (*store)->Load(content); !status.ok()) return status;
    return content;
  }

  void ExpectSameOrRefused(const DirectoryImage& image, const std::string& what) {
    const auto content = ContentOf(image);
    if (content.ok()) {
      EXPECT_EQ(*content, contents_.back()) << what;
    } else {
      EXPECT_FALSE(content.status().message().empty()) << what;
    }
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  std::string log_name_;
  DirectoryImage image_;
  std::vector<StoreContent> contents_;  // After 0, 1, 2... commits.
  std::vector<std::size_t> log_sizes_;  // After 1, 2... commits, without what is laid out.
};

TEST_F(RocksDbStoreDamageTest, AKilledServerLeavesEverything) {
  const auto content = ContentOf(image_);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, contents_.back());
}

TEST_F(RocksDbStoreDamageTest, ALogCutWithinTheLastCommitOpensWithoutIt) {
  const std::size_t begin = log_sizes_[kCommits - 2];
  ASSERT_GT(image_[log_name_].size(), log_sizes_.back()) << "it is laid out";
  for (std::size_t size = begin; size < log_sizes_.back(); ++size) {
    DirectoryImage cut = image_;
    cut[log_name_].resize(size);
    const auto content = ContentOf(cut);
    ASSERT_TRUE(content.ok()) << content.status();
    ASSERT_EQ(*content, contents_[kCommits - 1]) << "cut at " << size;
  }
}

TEST_F(RocksDbStoreDamageTest, AStoreGoesOnWhereATornTailWasCutOff) {
  image_[log_name_].resize(log_sizes_.back() - 1);
  PutImage(image_, path_);
  StoreContent expected = contents_[kCommits - 1];
  {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Commit({PutEnded{"later", EndCause::kForced}}).ok());
    expected.ended.emplace("later", EndCause::kForced);
  }
  const auto content = ContentOf(TakeImage(path_));
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, expected);
}

TEST_F(RocksDbStoreDamageTest, WhatIsLaidOutIsCutOff) {
  PutImage(image_, path_);
  ASSERT_TRUE(CheckDatabase(path_ + "/db").ok());
  EXPECT_EQ(fs::file_size(path_ + "/" + log_name_), log_sizes_.back());
}

TEST_F(RocksDbStoreDamageTest, ALaidOutLogMayHaveASuccessor) {
  const std::string log = image_[log_name_];
  image_["db/999999.log"] = log.substr(log_sizes_[3], log_sizes_[4] - log_sizes_[3]);
  image_[log_name_].replace(log_sizes_[3], std::string::npos, log.size() - log_sizes_[3], '\0');
  const auto content = ContentOf(image_);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, contents_.back());
}

TEST_F(RocksDbStoreDamageTest, CommitsThatBecameZerosBeforeALaterLogAreRefused) {
  const std::string log = image_[log_name_];
  image_["db/999999.log"] = log.substr(log_sizes_[3], log_sizes_[4] - log_sizes_[3]);
  image_[log_name_].replace(log_sizes_[2], std::string::npos, log.size() - log_sizes_[2], '\0');
  const absl::Status status = ContentOf(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("commits are missing"));
}

TEST_F(RocksDbStoreDamageTest, ALostSectorOfTheLastCommitIsATear) {
  // After a power loss the file may be as long as it was to become, and a log is laid out.
  std::string& log = image_[log_name_];
  std::fill(log.begin() + static_cast<std::ptrdiff_t>(log_sizes_[kCommits - 2]) + 20, log.end(),
            '\0');
  const auto content = ContentOf(image_);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, contents_[kCommits - 1]);
}

TEST_F(RocksDbStoreDamageTest, EveryWrongByteOfALogIsRefusedAndNamesTheFile) {
  std::string current = image_.at("db/CURRENT");
  current.pop_back();  // The line feed.
  for (const std::string& name : {log_name_, "db/" + current}) {
    const std::string good = image_.at(name);
    const std::size_t size = good.find_last_not_of('\0') + 1;
    for (std::size_t at = 0; at < size; ++at) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        DirectoryImage bad = image_;
        bad[name][at] = static_cast<char>(good[at] ^ mask);
        PutImage({{name, bad[name]},
                  {"db/CURRENT", bad["db/CURRENT"]},
                  {log_name_, bad[log_name_]},
                  {"db/" + current, bad["db/" + current]}},
                 path_);
        const absl::Status status = CheckDatabase(path_ + "/db").status();
        ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss) << name << " at " << at;
        ASSERT_THAT(std::string(status.message()), HasSubstr(name));
      }
    }
  }
}

TEST_F(RocksDbStoreDamageTest, AWrongByteAnywhereIsRefusedOrHarmless) {
  // Not every byte, because each takes a while.
  for (const auto& [name, content] : image_) {
    const std::size_t step = content.size() / 16 + 1;
    for (std::size_t at = 0; at < content.size(); at += step) {
      DirectoryImage bad = image_;
      bad[name][at] = static_cast<char>(content[at] ^ 0x10);
      ExpectSameOrRefused(bad, name + " at " + std::to_string(at));
    }
  }
}

TEST_F(RocksDbStoreDamageTest, AWrongByteOfATableIsRefusedAndNamesTheFile) {
  for (auto& [name, content] : image_) {
    if (!name.ends_with(".sst")) continue;
    content[5] = static_cast<char>(content[5] ^ 1);
    const absl::Status status = ContentOf(image_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST_F(RocksDbStoreDamageTest, ALostFileIsRefusedOrHarmless) {
  for (const auto& [name, content] : image_) {
    DirectoryImage rest = image_;
    rest.erase(name);
    ExpectSameOrRefused(rest, "without " + name);
    if (!name.ends_with(".sst")) continue;
    EXPECT_THAT(std::string(ContentOf(rest).status().message()), HasSubstr(name));
  }
}

TEST_F(RocksDbStoreDamageTest, ALostLogIsRefused) {
  image_.erase(log_name_);
  const absl::Status status = ContentOf(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no write-ahead log"));
}

TEST_F(RocksDbStoreDamageTest, CommitsMissingBeforeALaterLogAreRefused) {
  // As if the server had begun a new log behind the third commit, and the end of
  // the old one had been lost.
  const std::string& log = image_[log_name_];
  image_["db/999999.log"] = log.substr(log_sizes_[3]);
  image_[log_name_].resize(log_sizes_[2]);
  const absl::Status status = ContentOf(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("commits are missing"));
}

TEST_F(RocksDbStoreDamageTest, CommitsMissingBehindTheTablesAreRefused) {
  // As if the server had begun a new log behind the first commit, and the old one had
  // been lost.
  image_[log_name_].erase(0, log_sizes_[0]);
  const absl::Status status = ContentOf(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("commits are missing"));
}

TEST_F(RocksDbStoreDamageTest, ATornLogBeforeALaterOneIsRefused) {
  const std::string& log = image_[log_name_];
  image_["db/999999.log"] = log.substr(log_sizes_[3]);
  image_[log_name_].resize(log_sizes_[3] - 1);
  const absl::Status status = ContentOf(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(log_name_));
}

TEST_F(RocksDbStoreDamageTest, ADatabaseThatIsRefusedIsLeftAsItIs) {
  image_[log_name_].resize(log_sizes_.back() - 1);  // Would be cut off.
  image_["db/CURRENT"] = "MANIFEST\n";
  PutImage(image_, path_);
  image_.erase("LOCK");
  EXPECT_FALSE(Open().ok());
  DirectoryImage after = TakeImage(path_);
  after.erase("LOCK");
  EXPECT_EQ(after, image_);
}

}  // namespace
}  // namespace holdfast
