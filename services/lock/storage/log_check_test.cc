#include "services/lock/storage/log_check.h"

#include <algorithm>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "services/lock/storage/log_record.h"
#include "services/lock/storage/testing/log_writer.h"

namespace holdfast {
namespace {

using Kind = LogVerdict::Kind;

std::string Payload(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string payload;
  while (payload.size() < size) payload.push_back(static_cast<char>(random() % 255 + 1));
  return payload;
}

// Five commits, the last one across three blocks.
LogWriter LongLog() {
  LogWriter writer;
  writer.Add(Payload(100, 1));
  writer.Add(Payload(40'000, 2));
  writer.Add(Payload(12, 3));
  writer.Add(Payload(300, 4));
  writer.Add(Payload(70'000, 5));
  return writer;
}

LogWriter ShortLog() {
  LogWriter writer;
  for (unsigned i = 0; i < 6; ++i) writer.Add(Payload(40, i));
  return writer;
}

TEST(LogCheckTest, LogsOfAllShapesAreWhole) {
  EXPECT_EQ(CheckLog("").kind, Kind::kWhole);
  // Sizes around the end of a block, where the padding and empty pieces are.
  for (std::size_t size = kLogBlockSize - 40; size < kLogBlockSize + 10; ++size) {
    LogWriter writer;
    writer.Add(Payload(size, 1));
    writer.Add(Payload(50, 2));
    EXPECT_EQ(CheckLog(writer.log()).kind, Kind::kWhole) << size;
  }
  EXPECT_EQ(CheckLog(LongLog().log()).kind, Kind::kWhole);
}

TEST(LogCheckTest, ALogThatWasCutAnywhereIsTornBehindItsLastWholeRecord) {
  for (const LogWriter& writer : {ShortLog(), LongLog()}) {
    for (std::size_t size = 0; size < writer.log().size(); ++size) {
      // The check reads all of the log, so not every byte of the long records.
      if (size > 1000 && size % kLogBlockSize > 20 && size % 97 != 0) continue;
      const std::string cut = writer.log().substr(0, size);
      const LogVerdict verdict = CheckLog(cut);
      ASSERT_NE(verdict.kind, Kind::kDamaged) << "cut at " << size << ": " << verdict.fault;
      ASSERT_EQ(verdict.whole_size, writer.WholeSize(size)) << "cut at " << size;
      ASSERT_EQ(verdict.kind, size == verdict.whole_size ? Kind::kWhole : Kind::kTorn);
    }
  }
}

TEST(LogCheckTest, EveryWrongByteIsDamage) {
  const std::string good = ShortLog().log();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      if (bad == good) continue;
      ASSERT_EQ(CheckLog(bad).kind, Kind::kDamaged) << "byte " << at << " is " << value;
    }
  }
}

TEST(LogCheckTest, EveryWrongBitOfALongRecordIsDamage) {
  const std::string good = LongLog().log();
  for (std::size_t at = 0; at < good.size(); ++at) {
    // Near the seams every byte, elsewhere some.
    const std::size_t in_block = at % kLogBlockSize;
    if (in_block > 15 && in_block < kLogBlockSize - 15 && at % 463 != 0) continue;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    ASSERT_EQ(CheckLog(bad).kind, Kind::kDamaged) << "byte " << at;
  }
}

TEST(LogCheckTest, ALengthThatPointsPastTheEndIsDamageAndNotATear) {
  // RocksDB takes this for a record that was being written.
  std::string log = ShortLog().log();
  log[ShortLog().LastBegin() + 5] = 1;
  const LogVerdict verdict = CheckLog(log);
  EXPECT_EQ(verdict.kind, Kind::kDamaged);
  EXPECT_EQ(verdict.fault, "the length of a record is wrong");
  EXPECT_EQ(verdict.fault_offset, ShortLog().LastBegin());
}

// The second of two records says what looks like a record itself, as a key may.
LogWriter RecordWithinARecord() {
  LogWriter inner;
  inner.Add(Payload(30, 1));
  LogWriter writer;
  writer.Add(Payload(50, 2));
  writer.Add(Payload(20, 3) + inner.log() + Payload(20, 4));
  return writer;
}

TEST(LogCheckTest, WhatARecordSaysDoesNotCountAsACommitBehindIt) {
  const LogWriter writer = RecordWithinARecord();
  for (std::size_t size = writer.LastBegin() + 1; size < writer.log().size(); ++size) {
    const LogVerdict verdict = CheckLog(writer.log().substr(0, size));
    ASSERT_EQ(verdict.kind, Kind::kTorn) << "cut at " << size << ": " << verdict.fault;
    ASSERT_EQ(verdict.whole_size, writer.LastBegin());
  }
}

TEST(LogCheckTest, AWrongLengthIsDamageWhateverTheRecordSays) {
  LogWriter writer = RecordWithinARecord();
  const std::size_t begin = writer.LastBegin();
  for (const bool another_follows : {false, true}) {
    if (another_follows) writer.Add(Payload(40, 5));
    std::string log = writer.log();
    log[begin + 5] = 1;
    EXPECT_EQ(CheckLog(log).kind, Kind::kDamaged) << another_follows;
  }
}

TEST(LogCheckTest, ZerosBetweenRecordsAreDamage) {
  // RocksDB skips them without a word.
  const LogWriter writer = ShortLog();
  const std::size_t record = writer.WholeSize(100);
  for (const std::size_t size : {std::size_t{7}, std::size_t{47}}) {
    std::string log = writer.log();
    log.replace(record, size, size, '\0');
    EXPECT_EQ(CheckLog(log).kind, Kind::kDamaged);
  }
}

TEST(LogCheckTest, SectorsThatWereNotWrittenInTheLastRecordAreATear) {
  const LogWriter writer = LongLog();
  const std::size_t begin = writer.LastBegin();
  const std::size_t first_sector = (begin / 512 + 1) * 512;
  for (std::size_t sector = first_sector; sector < writer.log().size(); sector += 512) {
    std::string log = writer.log();
    const std::size_t size = std::min<std::size_t>(512, log.size() - sector);
    log.replace(sector, size, size, '\0');
    const LogVerdict verdict = CheckLog(log);
    ASSERT_EQ(verdict.kind, Kind::kTorn) << sector << ": " << verdict.fault;
    ASSERT_EQ(verdict.whole_size, begin);
  }
}

// A log whose last record of 300 bytes begins `before` bytes before the end of a sector.
LogWriter RecordAcrossSectors(std::size_t before, unsigned seed) {
  LogWriter writer;
  writer.Add(Payload(1024 - before - kLogHeaderSize, seed));
  writer.Add(Payload(300, seed + 1));
  return writer;
}

TEST(LogCheckTest, ARecordWhoseFirstSectorWasNotWrittenIsATear) {
  for (std::size_t before = 1; before < 300; ++before) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const LogWriter writer = RecordAcrossSectors(before, seed);
      std::string log = writer.log();
      log.replace(writer.LastBegin(), before, before, '\0');
      if (log == writer.log()) continue;
      const LogVerdict verdict = CheckLog(log);
      ASSERT_EQ(verdict.kind, Kind::kTorn) << before << ": " << verdict.fault;
      ASSERT_EQ(verdict.whole_size, writer.LastBegin());
    }
  }
}

TEST(LogCheckTest, AZeroWithWhichAChecksumBeginsDoesNotExcuseAWrongByte) {
  unsigned seed = 0;
  LogWriter writer = RecordAcrossSectors(1, seed);
  while (writer.log()[writer.LastBegin()] != '\0') writer = RecordAcrossSectors(1, ++seed);
  for (std::size_t at = writer.LastBegin(); at < writer.log().size(); ++at) {
    std::string bad = writer.log();
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    ASSERT_EQ(CheckLog(bad).kind, Kind::kDamaged) << "byte " << at;
  }
}

// The sectors of a log are numbered from 0; each has two records of 256 bytes.
LogWriter TwoRecordsASector(std::size_t sectors) {
  LogWriter writer;
  for (unsigned i = 0; i < 2 * sectors; ++i) writer.Add(Payload(256 - kLogHeaderSize, i));
  return writer;
}

std::string WithoutSector(std::string log, std::size_t sector) {
  return log.replace(sector * 512, 512, 512, '\0');
}

TEST(LogCheckTest, CommitsThatWereWrittenWithoutASyncAreTornTogether) {
  const std::string log = WithoutSector(TwoRecordsASector(5).log(), 3);
  EXPECT_EQ(CheckLog(log, 2).kind, Kind::kDamaged);
  const LogVerdict verdict = CheckLog(log, 4);
  EXPECT_EQ(verdict.kind, Kind::kTorn) << verdict.fault;
  EXPECT_EQ(verdict.whole_size, 3 * 512);
  EXPECT_EQ(verdict.commits_behind, 2);
}

TEST(LogCheckTest, OfCommitsWithoutASyncTheFirstMayBeWholeAndMoreThanOneTorn) {
  std::string log = TwoRecordsASector(5).log();
  log.replace(2 * 512 + 256, 256, 256, '\0');  // What was synced of the sector stays.
  log = WithoutSector(log, 4);
  const LogVerdict verdict = CheckLog(log, 5);
  EXPECT_EQ(verdict.kind, Kind::kTorn) << verdict.fault;
  EXPECT_EQ(verdict.whole_size, 2 * 512 + 256);
}

TEST(LogCheckTest, WhereCommitsAreWrittenWithoutASyncAWrongByteIsStillDamage) {
  const std::string good = TwoRecordsASector(5).log();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    ASSERT_EQ(CheckLog(bad, 4).kind, Kind::kDamaged) << "byte " << at;
  }
}

TEST(LogCheckTest, ZerosInsteadOfTheLastRecordAreATear) {
  const LogWriter writer = LongLog();
  const std::size_t begin = writer.LastBegin();
  std::string log = writer.log();
  std::fill(log.begin() + static_cast<std::ptrdiff_t>(begin), log.end(), '\0');
  EXPECT_EQ(CheckLog(log).kind, Kind::kTorn);
  EXPECT_EQ(CheckLog(log).whole_size, begin);
  log.append(10'000, '\0');
  EXPECT_EQ(CheckLog(log).kind, Kind::kTorn);
  EXPECT_EQ(CheckLog(log).whole_size, begin);
}

TEST(LogCheckTest, ASectorThatWasNotWrittenBeforeTheLastRecordIsDamage) {
  const LogWriter writer = LongLog();
  std::string log = writer.log();
  log.replace(1024, 512, 512, '\0');  // In the second of five.
  EXPECT_EQ(CheckLog(log).kind, Kind::kDamaged);
}

TEST(LogCheckTest, PiecesOutOfOrderAreDamage) {
  LogWriter begins_within;
  begins_within.AddPiece(LogRecordType::kFirst, "a");
  begins_within.AddPiece(LogRecordType::kFull, "b");
  EXPECT_EQ(CheckLog(begins_within.log()).kind, Kind::kDamaged);
  LogWriter goes_on_without_beginning;
  goes_on_without_beginning.AddPiece(LogRecordType::kLast, "a");
  EXPECT_EQ(CheckLog(goes_on_without_beginning.log()).kind, Kind::kDamaged);
}

TEST(LogCheckTest, AWrongByteOfThePaddingIsDamage) {
  LogWriter writer;
  writer.Add(Payload(kLogBlockSize - kLogHeaderSize - 3, 1));
  writer.Add(Payload(10, 2));
  std::string log = writer.log();
  ASSERT_EQ(log[kLogBlockSize - 2], '\0');
  log[kLogBlockSize - 2] = 1;
  EXPECT_EQ(CheckLog(log).kind, Kind::kDamaged);
}

// A write-ahead log of a process that has not closed it: behind its commits there are
// zeros, `rest` bytes at least, up to a whole unit.
std::string LaidOut(std::string log, std::size_t rest = 0) {
  const std::size_t size = log.size() + rest;
  log.resize((size + kLogLayoutUnit - 1) / kLogLayoutUnit * kLogLayoutUnit, '\0');
  return log;
}

TEST(WriteAheadLogCheckTest, ALaidOutLogIsWholeUpToItsZeros) {
  EXPECT_EQ(CheckWriteAheadLog("").kind, Kind::kWhole);
  EXPECT_EQ(CheckWriteAheadLog(LaidOut("", 1)).kind, Kind::kWhole);
  EXPECT_EQ(CheckWriteAheadLog(LaidOut("", 1)).whole_size, 0);
  for (std::size_t size = kLogBlockSize - 40; size < kLogBlockSize + 10; ++size) {
    LogWriter writer;
    writer.Add(Payload(size, 1));
    for (const std::size_t rest : {std::size_t{0}, 10 * kLogLayoutUnit}) {
      const LogVerdict verdict = CheckWriteAheadLog(LaidOut(writer.log(), rest));
      ASSERT_EQ(verdict.kind, Kind::kWhole) << size << ": " << verdict.fault;
      ASSERT_EQ(verdict.whole_size, writer.log().size());
    }
  }
}

TEST(WriteAheadLogCheckTest, OneThatWasClosedHasNoZeros) {
  const LogWriter writer = ShortLog();
  EXPECT_EQ(CheckWriteAheadLog(writer.log()).kind, Kind::kWhole);
  EXPECT_EQ(CheckWriteAheadLog(writer.log()).whole_size, writer.log().size());
}

TEST(WriteAheadLogCheckTest, AWriteThatStoppedAnywhereIsTornBehindTheLastWholeRecord) {
  for (const LogWriter& writer : {ShortLog(), LongLog()}) {
    for (std::size_t size = 0; size < writer.log().size(); ++size) {
      if (size > 1000 && size % kLogBlockSize > 20 && size % 997 != 0) continue;
      const std::string cut = LaidOut(writer.log().substr(0, size), writer.log().size() - size);
      const LogVerdict verdict = CheckWriteAheadLog(cut);
      ASSERT_NE(verdict.kind, Kind::kDamaged) << "cut at " << size << ": " << verdict.fault;
      ASSERT_EQ(verdict.whole_size, writer.WholeSize(size)) << "cut at " << size;
      ASSERT_EQ(verdict.kind, size == verdict.whole_size ? Kind::kWhole : Kind::kTorn);
    }
  }
}

TEST(WriteAheadLogCheckTest, EveryWrongByteOfALaidOutLogIsDamage) {
  const std::string good = LaidOut(ShortLog().log());
  const std::size_t last = ShortLog().log().size() - 1;
  for (std::size_t at = 0; at <= last; ++at) {
    const auto expect = [&](char value, Kind kind) {
      if (value == good[at]) return;
      std::string bad = good;
      bad[at] = value;
      EXPECT_EQ(CheckWriteAheadLog(bad).kind, kind) << "byte " << at << " is " << int{value};
    };
    for (int bit = 0; bit < 8; ++bit) {
      const char flipped = static_cast<char>(good[at] ^ (1 << bit));
      if (flipped != '\0') expect(flipped, Kind::kDamaged);
    }
    // A last byte that is zero is one that was not written.
    expect('\0', at == last ? Kind::kTorn : Kind::kDamaged);
  }
}

TEST(WriteAheadLogCheckTest, EveryWrongBitOfALongLaidOutLogIsDamage) {
  const std::size_t size = LongLog().log().size();
  const std::string good = LaidOut(LongLog().log(), 1);
  for (std::size_t at = 0; at < size; ++at) {
    const std::size_t in_block = at % kLogBlockSize;
    const bool near = in_block <= 15 || in_block >= kLogBlockSize - 15 || at + 15 > size;
    if (!near && at % 1009 != 0) continue;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    ASSERT_EQ(CheckWriteAheadLog(bad).kind, Kind::kDamaged) << "byte " << at;
  }
}

TEST(WriteAheadLogCheckTest, ALengthThatPointsIntoTheZerosIsDamageAndNotATear) {
  std::string log = LaidOut(ShortLog().log(), kLogBlockSize);
  for (const std::size_t offset : {4, 5}) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = log;
      char& byte = bad[ShortLog().LastBegin() + offset];
      byte = static_cast<char>(byte ^ (1 << bit));
      EXPECT_EQ(CheckWriteAheadLog(bad).kind, Kind::kDamaged) << offset << ", bit " << bit;
    }
  }
}

TEST(WriteAheadLogCheckTest, SectorsThatWereNotWrittenInTheLastRecordAreATear) {
  const LogWriter writer = LongLog();
  const std::size_t begin = writer.LastBegin();
  for (std::size_t sector = begin / 512 * 512; sector < writer.log().size(); sector += 512) {
    std::string log = LaidOut(writer.log(), kLogBlockSize);
    const std::size_t from = std::max(begin, sector);
    log.replace(from, sector + 512 - from, sector + 512 - from, '\0');
    const LogVerdict verdict = CheckWriteAheadLog(log);
    ASSERT_EQ(verdict.kind, Kind::kTorn) << sector << ": " << verdict.fault;
    ASSERT_EQ(verdict.whole_size, begin);
  }
}

TEST(WriteAheadLogCheckTest, AWrongByteOfTheZerosTakesNothingAway) {
  const LogWriter writer = ShortLog();
  const std::string good = LaidOut(writer.log(), kLogLayoutUnit);
  for (std::size_t at = writer.log().size(); at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = '\x10';
    const LogVerdict verdict = CheckWriteAheadLog(bad);
    ASSERT_NE(verdict.kind, Kind::kWhole) << at;
    ASSERT_EQ(verdict.whole_size, writer.log().size()) << at;
  }
}

// As versions wrote them that did not lay out logs: a whole record may end with a zero,
// and after a loss of power with zeros behind it.
TEST(WriteAheadLogCheckTest, AWholeRecordThatEndsWithAZeroIsKept) {
  LogWriter writer;
  writer.Add(Payload(100, 1));
  writer.Add(Payload(100, 2) + std::string(10, '\0'));
  const LogVerdict verdict = CheckWriteAheadLog(LaidOut(writer.log(), 1));
  EXPECT_EQ(verdict.kind, Kind::kWhole) << verdict.fault;
  EXPECT_EQ(verdict.whole_size, writer.log().size());
}

}  // namespace
}  // namespace holdfast
