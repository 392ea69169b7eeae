#include "clients/cli/table.h"

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace holdfast::cli
