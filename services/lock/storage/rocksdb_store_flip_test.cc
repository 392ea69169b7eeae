// A wrong byte, in every place of every file of a small database: the store either
// refuses and names the file, or nothing is missing.

#include <cstddef>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/log.h"
#include "services/lock/storage/testing/killed_store.h"
#include "services/lock/storage/testing/scratch_directory.h"
#include "services/lock/storage/testing/store_content.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

// How many changes were noticed, and how many did not matter.
struct Tally {
  std::size_t refused = 0;
  std::size_t harmless = 0;
};

class RocksDbStoreFlipTest : public ::testing::Test {
 protected:
  // Some commits in a table, and some in the log.
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    store_.Start();
    store_.Commit({ReserveTokens{1024}, KilledStore::Grant(1), KilledStore::Grant(2)});
    store_.Commit({KilledStore::Grant(3), PutEnded{"ended-1", EndCause::kExpired}});
    store_.Start();
    store_.Commit({KilledStore::Grant(4), ReserveTokens{2048}});
    store_.Commit({PutEnded{"lease-number-2", EndCause::kReleased}});
    store_.Commit({KilledStore::Grant(5)});
    store_.Kill();
  }

  // Changes every `step`th byte of the file from `at` on.
  void Flip(const std::string& name, std::size_t at, std::size_t step, int mask, Tally& tally) {
    DirectoryImage bad = store_.image();
    std::string& bytes = bad.at(name);
    for (std::size_t i = at; i < bytes.size(); i += step) {
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
    }
    const absl::StatusOr<StoreContent> content = store_.ContentOf(bad);
    if (content.ok()) {
      ASSERT_EQ(*content, store_.content()) << name << " at " << at << ", mask " << mask;
      ++tally.harmless;
      return;
    }
    ++tally.refused;
    EXPECT_THAT(std::string(content.status().message()), HasSubstr(name))
        << "at " << at << ", mask " << mask;
  }

  // Changes each byte by itself, of the files whose path begins and ends so, but not the
  // zeros with which a log is laid out.
  Tally FlipEach(std::string_view begin, std::string_view end, std::initializer_list<int> masks) {
    Tally tally;
    for (const auto& [name, content] : store_.image()) {
      if (!name.starts_with(begin) || !name.ends_with(end)) continue;
      const std::size_t size = content.find_last_not_of('\0') + 1;
      for (std::size_t at = 0; at < size && !HasFatalFailure(); ++at) {
        for (const int mask : masks) Flip(name, at, content.size(), mask, tally);
      }
    }
    std::cout << begin << "*" << end << ": " << tally.refused << " refused, " << tally.harmless
              << " harmless\n";
    return tally;
  }

  KilledStore store_;
};

TEST_F(RocksDbStoreFlipTest, Format) {
  const Tally tally = FlipEach("FORMAT", "", {0x01, 0x08, 0x20, 0x80, 0xff});
  EXPECT_GT(tally.refused, 0u);
  // The version may become an older one. To raise what is of today's changes nothing.
  EXPECT_LE(tally.harmless, 1u);
}

TEST_F(RocksDbStoreFlipTest, WriteAheadLog) {
  const Tally tally = FlipEach("db/", ".log", {0x01, 0x08, 0x20, 0x80, 0xff});
  EXPECT_GT(tally.refused, 0u);
  EXPECT_EQ(tally.harmless, 0u);
}

TEST_F(RocksDbStoreFlipTest, ACommitThatEndsWithAZeroBeforeZerosThatWereLaidOut) {
  store_.Start();
  store_.Commit({DeleteEnded{std::string("ended-1\0\0", 9)}});
  store_.Kill();
  const Tally tally = FlipEach("db/", ".log", {0x01, 0xff});
  EXPECT_GT(tally.refused, 0u);
  EXPECT_EQ(tally.harmless, 0u);
}

TEST_F(RocksDbStoreFlipTest, ZerosThatWereLaidOut) {
  const std::string& log = store_.image().at(store_.log_name());
  const std::size_t size = log.find_last_not_of('\0') + 1;
  ASSERT_GT(log.size(), size + 8192);
  Tally tally;
  for (std::size_t at = size; at < log.size(); at += at < size + 40 ? 1 : 4999) {
    for (const int mask : {0x01, 0x80, 0xff}) Flip(store_.log_name(), at, log.size(), mask, tally);
  }
  EXPECT_GT(tally.harmless, 0u);
}

TEST_F(RocksDbStoreFlipTest, Manifest) {
  const Tally tally = FlipEach("db/MANIFEST", "", {0x01, 0x20, 0xff});
  EXPECT_GT(tally.refused, 0u);
  EXPECT_EQ(tally.harmless, 0u);
}

TEST_F(RocksDbStoreFlipTest, Current) {
  const Tally tally = FlipEach("db/CURRENT", "", {0x01, 0x02, 0x20, 0x80, 0xff});
  EXPECT_GT(tally.refused, 0u);
  EXPECT_EQ(tally.harmless, 0u);
}

TEST_F(RocksDbStoreFlipTest, Table) {
  // Some bytes of its footer and its properties mean nothing.
  const Tally tally = FlipEach("db/", ".sst", {0x10});
  EXPECT_GT(tally.refused, 10 * tally.harmless);
}

TEST_F(RocksDbStoreFlipTest, WhatTheStoreDoesNotNeed) {
  EXPECT_EQ(FlipEach("LOCK", "", {0x01}).refused, 0u);
  EXPECT_EQ(FlipEach("db/IDENTITY", "", {0x01}).refused, 0u);
  // RocksDB's options are long, and not read: every byte, but many at a time.
  constexpr std::size_t kGroups = 50;
  Tally tally;
  for (const auto& [name, content] : store_.image()) {
    if (!name.starts_with("db/OPTIONS")) continue;
    for (std::size_t group = 0; group < kGroups; ++group) {
      Flip(name, group, kGroups, 0x01, tally);
    }
  }
  std::cout << "db/OPTIONS*: " << tally.harmless << " harmless\n";
  EXPECT_GE(tally.harmless, kGroups);
  EXPECT_EQ(tally.refused, 0u);
}

}  // namespace
}  // namespace holdfast
