#include "services/lock/storage/manifest.h"

#include <initializer_list>
#include <string>

#include "gtest/gtest.h"
#include "services/lock/storage/testing/log_writer.h"

namespace holdfast {
namespace {

// Entries as RocksDB 7.8 writes them. That it still does, rocksdb_store_damage_test tells.
const std::string kNewDatabase("\1\x1aleveldb.BytewiseComparator", 28);
const std::string kNextFile5AndLast300("\x09\x00\x03\x05\x04\xac\x02", 7);
const std::string kLogsOnly("\x02\x84\x01\x0a\x07", 5);
const std::string kTables = "\x67 and what RocksDB says of a table";

std::string Manifest(std::initializer_list<std::string> entries) {
  LogWriter writer;
  for (const std::string& entry : entries) writer.Add(entry);
  return writer.log();
}

TEST(ManifestTest, TheLastEntryThatTellsCounts) {
  EXPECT_EQ(LastChangeInTables(Manifest({kNewDatabase, kNextFile5AndLast300, kLogsOnly})), 300);
  EXPECT_EQ(LastChangeInTables(Manifest({kNextFile5AndLast300 + kTables, "\x04\x02"})), 2);
}

TEST(ManifestTest, TextsBeforeTheLastChangeArePassedOver) {
  const std::string id(
      "\x81\x40\x03"
      "abc",
      6);
  EXPECT_EQ(LastChangeInTables(Manifest({id + kNewDatabase + kLogsOnly + kNextFile5AndLast300})),
            300);
}

TEST(ManifestTest, AnEntryMayLieAcrossBlocks) {
  EXPECT_EQ(LastChangeInTables(Manifest({std::string(32'754, '\x67'), kNextFile5AndLast300})), 300);
}

TEST(ManifestTest, WhatTellsNothing) {
  EXPECT_EQ(LastChangeInTables(""), std::nullopt);
  EXPECT_EQ(LastChangeInTables(Manifest({kNewDatabase, kLogsOnly})), std::nullopt);
  EXPECT_EQ(LastChangeInTables(Manifest({kTables + kNextFile5AndLast300})), std::nullopt);
}

TEST(ManifestTest, NoEntryAtAll) {
  const std::string endless_number = "\x04" + std::string(20, '\xff');
  const std::string text_past_the_end = "\x01\x05zero";
  EXPECT_EQ(LastChangeInTables(Manifest({endless_number, text_past_the_end, "\x04"})),
            std::nullopt);
}

}  // namespace
}  // namespace holdfast
