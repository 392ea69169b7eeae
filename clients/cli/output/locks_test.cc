#include "clients/cli/output/locks.h"

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
  EXPECT_EQ(ToJsonLine(lock),
            R"({"key":"k","holders":[{"owner":"me","fencing_token":"18446744073709551615",)"
            R"("tags":[],"remaining":"1.500s","held_since":"2023-11-14T22:13:20Z"}],)"
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
