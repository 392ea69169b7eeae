#include "clients/cli/output/locks.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "holdfast/v1/lease.pb.h"

namespace holdfast::cli {
namespace {

TEST(TableTest, AlignsColumnsByWhatIsSeen) {
  Table table({"KEY", "HOLDER"});
  table.Add({"für", "a"});
  table.Add({"報告報告", "b"});
  EXPECT_EQ(table.Render(),
            "KEY       HOLDER\n"
            "für       a\n"
            "報告報告  b\n");
}

TEST(TableTest, ShowsEmptyCellsAsDashes) {
  Table table({"KEY", "TAGS"});
  table.Add({"k", ""});
  EXPECT_EQ(table.Render(), "KEY  TAGS\nk    -\n");
}

TEST(TableTest, PrintsNothingWithoutRows) { EXPECT_EQ(Table({"KEY"}).Render(), ""); }

TEST(TableTest, NoCellCanBeginALine) {
  Table table({"KEY", "HOLDER"});
  table.Add({"k", "me\nforged  root"});
  EXPECT_EQ(table.Render(), "KEY  HOLDER\nk    me\\nforged  root\n");
}

TEST(DescribePlaceTest, NamesThePlaceAndTheHolder) {
  EXPECT_EQ(DescribePlace("k", 2, "me@here:1"), "waiting for k, 2nd behind me@here:1");
  EXPECT_EQ(DescribePlace("k", 1, ""), "waiting for k, 1st behind an unnamed holder");
  EXPECT_EQ(DescribePlace("k", 1, std::nullopt), "waiting for k, 1st in line");
}

TEST(DescribePlaceTest, CountsAsEnglishDoes) {
  const auto place = [](std::uint64_t position) {
    const std::string text = DescribePlace("k", position, std::nullopt);
    const std::size_t begin = std::string("waiting for k, ").size();
    return text.substr(begin, text.find(" in line") - begin);
  };
  EXPECT_EQ(place(3), "3rd");
  EXPECT_EQ(place(4), "4th");
  EXPECT_EQ(place(10), "10th");
  EXPECT_EQ(place(11), "11th");
  EXPECT_EQ(place(12), "12th");
  EXPECT_EQ(place(19), "19th");
  EXPECT_EQ(place(20), "20th");
  EXPECT_EQ(place(21), "21st");
  EXPECT_EQ(place(113), "113th");
  EXPECT_EQ(place(1002), "1002nd");
}

v1::Lock LockOfTwo() {
  v1::Lock lock;
  lock.set_key("k");
  lock.set_queue_length(3);
  v1::Holder& first = *lock.add_holders();
  first.set_owner("me");
  first.set_fencing_token(7);
  first.mutable_held_for()->set_seconds(5);
  first.mutable_remaining()->set_seconds(20);
  first.add_tags("a");
  first.add_tags("b");
  v1::Holder& second = *lock.add_holders();
  second.set_owner("you");
  second.set_fencing_token(8);
  second.mutable_held_for()->set_seconds(4);
  return lock;
}

TEST(LockTableTest, HasARowForEachLeaseAndForALockThatIsOnlyWaitedFor) {
  Table table = LockTable();
  AddRows(LockOfTwo(), table);
  v1::Lock waited_for;
  waited_for.set_key("w");
  waited_for.set_queue_length(1);
  AddRows(waited_for, table);
  EXPECT_EQ(table.Render(),
            "KEY  HOLDER  TOKEN  HELD  EXPIRES        WAITING  TAGS\n"
            "k    me      7      5.0s  in 20.0s       3        a,b\n"
            "k    you     8      4.0s  when released  3        -\n"
            "w    -       -      -     -              1        -\n");
}

TEST(EndedTableTest, HasARowForEachLease) {
  Table table = EndedTable();
  AddEnded(LockOfTwo(), table);
  EXPECT_EQ(table.Render(),
            "KEY  HOLDER  TOKEN  HELD  TAGS\n"
            "k    me      7      5.0s  a,b\n"
            "k    you     8      4.0s  -\n");
}

TEST(JsonTest, OneLineWithTheNamesOfTheProtos) {
  v1::Lock lock;
  lock.set_key("k");
  v1::Holder& holder = *lock.add_holders();
  holder.set_owner("me");
  // A JSON number would be rounded by most readers.
  holder.set_fencing_token(18446744073709551615u);
  holder.mutable_remaining()->set_seconds(1);
  holder.mutable_remaining()->set_nanos(500'000'000);
  holder.mutable_held_since()->set_seconds(1'700'000'000);
  EXPECT_EQ(
      ToJsonLine(lock),
      R"({"key":"k","holders":[{"owner":"me","fencing_token":"18446744073709551615",)"
      R"("tags":[],"principal":"","remaining":"1.500s","held_since":"2023-11-14T22:13:20Z"}],)"
      R"("queue_length":0,"waiters":[]})"
      "\n");
}

TEST(JsonTest, EscapesWhatWouldBreakTheLineOrDriveATerminal) {
  v1::Lock lock;
  lock.set_key("a\"b\\c\nd\x1b[2J\u009b\u202e");
  const std::string line = ToJsonLine(lock);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find("\u009b"), std::string::npos);
  EXPECT_EQ(line.find("\u202e"), std::string::npos);
  EXPECT_NE(line.find(R"(a\"b\\c\nd\u001b[2J)"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::cli
