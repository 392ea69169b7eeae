#include "clients/cli/output/text.h"

#include <string>

#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

TEST(PrintableTest, LeavesWhatPeopleWriteAsItIs) {
  for (const char* text : {"reports/2024", "backup@web1:4242", "Übung für später", "報告/二〇二四",
                           "отчёт", "\U0001f512 locked", ""}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(PrintableTest, EscapesWhatCouldForgeLinesOrDriveATerminal) {
  EXPECT_EQ(Printable("me\nkey  root@db:1"), "me\\nkey  root@db:1");
  EXPECT_EQ(Printable("\r\t"), "\\r\\t");
  EXPECT_EQ(Printable("\x1b[2J"), "\\u{1b}[2J");
  EXPECT_EQ(Printable("\x7f"), "\\u{7f}");
  EXPECT_EQ(Printable("\u009b31m"), "\\u{9b}31m");  // CSI as one character.
  EXPECT_EQ(Printable("a\u202eb\u2066"), "a\\u{202e}b\\u{2066}");
  EXPECT_EQ(Printable("a\u2028b"), "a\\u{2028}b");
  EXPECT_EQ(Printable("a\u200bb"), "a\\u{200b}b");
  EXPECT_EQ(Printable(std::string("a\0b", 3)), "a\\u{0}b");
}

TEST(PrintableTest, KeepsDifferentTextsDifferent) {
  EXPECT_EQ(Printable("a\\nb"), "a\\\\nb");
  EXPECT_NE(Printable("a\\nb"), Printable("a\nb"));
}

TEST(PrintableTest, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(Printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(Printable("\xc3"), "\\xc3");           // Cut off.
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");  // A slash in too many bytes.
  EXPECT_EQ(Printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // Half of a pair.
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // Past the last.
}

TEST(DisplayWidthTest, CountsColumnsAndNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("für"), 3);
  EXPECT_EQ(DisplayWidth("報告"), 4);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1);  // An accent of its own.
}

TEST(CutToWidthTest, TakesWholeCharactersThatFit) {
  EXPECT_EQ(CutToWidth("abc", 3), "abc");
  EXPECT_EQ(CutToWidth("abc", 2), "ab");
  EXPECT_EQ(CutToWidth("abc", 0), "");
  EXPECT_EQ(CutToWidth("報告", 3), "報");
  EXPECT_EQ(CutToWidth("für", 2), "fü");
}

TEST(IsUtf8Test, TellsTextFromBytes) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("für"));
  EXPECT_FALSE(IsUtf8("f\xfcr"));
  EXPECT_FALSE(IsUtf8("\xc0\x80"));
}

}  // namespace
}  // namespace holdfast::cli
