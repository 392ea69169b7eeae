#include "services/lock/storage/log_record.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/storage/testing/log_writer.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using State = LogRecord::State;

// A record that ends so close to the end of a block that no other fits behind it.
std::string AlmostABlock() { return std::string(kLogBlockSize - kLogHeaderSize - 3, 'x'); }

// What the valid records from `offset` on say, up to the first that is not.
std::vector<std::string> Payloads(std::string_view log, std::size_t offset = 0) {
  std::vector<std::string> payloads;
  LogReader reader(log, offset);
  for (auto record = reader.Next(); record.has_value() && record->valid(); record = reader.Next()) {
    payloads.emplace_back(record->PayloadIn(log));
  }
  return payloads;
}

TEST(LogRecordFitsTest, OfTheChecksumTheFirstUnknownBytesMayBeAnything) {
  LogWriter writer;
  writer.Add("one");
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::string log = writer.log();
    log[bit / 8] = static_cast<char>(log[bit / 8] ^ 1 << bit % 8);
    for (std::size_t unknown = 0; unknown <= 4; ++unknown) {
      EXPECT_EQ(LogRecordFits(log, 0, log.size(), unknown), bit < 8 * unknown)
          << "bit " << bit << ", " << unknown << " unknown bytes";
    }
  }
}

TEST(LogReaderTest, AnEmptyLogHasNoRecords) { EXPECT_FALSE(LogReader("").Next().has_value()); }

TEST(LogReaderTest, GoesFromRecordToRecordPastThePadding) {
  LogWriter writer;
  writer.Add("one");
  writer.Add("");
  EXPECT_THAT(Payloads(writer.log()), ElementsAre("one", ""));
  LogWriter longer;
  longer.Add(AlmostABlock());
  longer.Add("behind");
  EXPECT_THAT(Payloads(longer.log()), ElementsAre(AlmostABlock(), "behind"));
  EXPECT_THAT(Payloads(longer.log(), kLogBlockSize), ElementsAre("behind"));
  const std::string with_padding_at_its_end = longer.log().substr(0, kLogBlockSize);
  EXPECT_THAT(Payloads(with_padding_at_its_end), ElementsAre(AlmostABlock()));
}

TEST(LogReaderTest, TellsWhereRecordsBeginAndWhichBelongTogether) {
  LogWriter writer;
  writer.Add(std::string(kLogBlockSize, 'x'));
  LogReader reader(writer.log());
  const std::optional<LogRecord> first = reader.Next();
  const std::optional<LogRecord> last = reader.Next();
  ASSERT_TRUE(first.has_value() && last.has_value());
  EXPECT_TRUE(first->begins_logical() && !first->ends_logical());
  EXPECT_TRUE(!last->begins_logical() && last->ends_logical());
  EXPECT_EQ(first->end, kLogBlockSize);
  EXPECT_EQ(last->begin, kLogBlockSize);
  EXPECT_EQ(last->end, writer.log().size());
  EXPECT_FALSE(reader.Next().has_value());
}

TEST(LogReaderTest, StaysAtWhatIsNotValidUntilTheBlockIsSkipped) {
  LogWriter writer;
  writer.Add("wrong");
  writer.Add(AlmostABlock());  // Across the end of the block.
  std::string log = writer.log();
  log[kLogHeaderSize] = 'W';
  LogReader reader(log);
  for (int again = 0; again < 2; ++again) {
    const std::optional<LogRecord> record = reader.Next();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->state, State::kDamaged);
    EXPECT_EQ(record->begin, 0u);
  }
  reader.SkipBlock();
  const std::optional<LogRecord> rest = reader.Next();
  ASSERT_TRUE(rest.has_value());
  EXPECT_TRUE(rest->valid());
  EXPECT_EQ(rest->begin, kLogBlockSize);
}

TEST(LogReaderTest, PaddingThatIsNotZeroIsNoRecord) {
  LogWriter writer;
  writer.Add(AlmostABlock());
  writer.Add("behind");
  std::string log = writer.log();
  log[kLogBlockSize - 1] = 'x';
  LogReader reader(log);
  EXPECT_TRUE(reader.Next()->valid());
  const std::optional<LogRecord> padding = reader.Next();
  ASSERT_TRUE(padding.has_value());
  EXPECT_EQ(padding->state, State::kBadPadding);
  EXPECT_EQ(padding->begin, kLogBlockSize - 3);
  reader.SkipBlock();
  EXPECT_TRUE(reader.Next()->valid());
}

TEST(LogReaderTest, ARecordThatIsCutShortIsTold) {
  LogWriter writer;
  writer.Add("whole");
  for (std::size_t size = 1; size < writer.log().size(); ++size) {
    const std::string log = writer.log().substr(0, size);
    const std::optional<LogRecord> record = LogReader(log).Next();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->state, State::kCutShort) << size;
  }
}

}  // namespace
}  // namespace holdfast
