#include "services/lock/access/rules.h"

#include <stdlib.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

Rules Parsed(const std::string& text) {
  absl::StatusOr<Rules> rules = Rules::Parse(text);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? *std::move(rules) : Rules();
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Rules> rules = Rules::Parse(text);
  EXPECT_EQ(rules.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(rules.status().message());
}

// "acquire,inspect", or empty.
std::string May(const Rules& rules, const std::string& caller, const std::string& key) {
  const auto access = rules.For(Principal(caller));
  std::string may;
  for (const Permission permission : kPermissions) {
    if (!access->May(permission, key)) continue;
    may += (may.empty() ? "" : ",") + std::string(NameOf(permission));
  }
  return may;
}

TEST(RulesTest, TheFirstLineThatFitsCallerAndKeyDecides) {
  const Rules rules = Parsed(R"(
    # Comments, and lines with nothing in them.
allow billing   invoices/ acquire,inspect   # behind a line, too
deny  *         invoices/
allow uid:1000  *         acquire,inspect,watch
	allow spiffe://example.org/ops/* * all
allow uid:1000  late/     admin
)");
  EXPECT_EQ(rules.size(), 5u);
  EXPECT_EQ(May(rules, "billing", "invoices/7"), "acquire,inspect");
  EXPECT_EQ(May(rules, "billing", "invoices"), "") << "shorter than the prefix";
  EXPECT_EQ(May(rules, "billing", "other"), "");
  EXPECT_EQ(May(rules, "billings", "invoices/7"), "") << "a name is not how it begins";
  EXPECT_EQ(May(rules, "uid:1000", "invoices/7"), "");
  EXPECT_EQ(May(rules, "uid:1000", "late/1"), "acquire,inspect,watch");
  EXPECT_EQ(May(rules, "uid:10001", "x"), "");
  EXPECT_EQ(May(rules, "spiffe://example.org/ops/a", "x"), "acquire,inspect,watch,admin");
  EXPECT_EQ(May(rules, "spiffe://example.org/op", "x"), "");
  EXPECT_EQ(May(rules, "anonymous", "x"), "");
}

TEST(RulesTest, WithoutALineNobodyMayDoAnything) {
  EXPECT_EQ(May(Parsed(""), "uid:0", "k"), "");
  EXPECT_EQ(May(Parsed("# all commented out\n"), "uid:0", "k"), "");
}

TEST(RulesTest, ACallerWhoIsNotKnownFitsOnlyAStar) {
  const Rules rules = Parsed("allow a* a acquire\nallow * b acquire\n");
  EXPECT_EQ(May(rules, "", "a"), "");
  EXPECT_EQ(May(rules, "", "b"), "acquire");
}

TEST(RulesTest, AKeyInQuotesIsTakenAsItIs) {
  const Rules rules = Parsed(
      "allow a \"with space\" acquire\n"
      "allow a \"\\x2a\" inspect\n"
      "allow b \"\" admin\n"
      "allow c \"say \\\"so\\\" # \" acquire");
  EXPECT_EQ(May(rules, "a", "with space/1"), "acquire");
  EXPECT_EQ(May(rules, "a", "with"), "");
  EXPECT_EQ(May(rules, "a", "*1"), "inspect");
  EXPECT_EQ(May(rules, "a", "1"), "") << "a star in quotes is no wildcard";
  EXPECT_EQ(May(rules, "b", "any"), "admin");
  EXPECT_EQ(May(rules, "c", "say \"so\" # 1"), "acquire");
}

TEST(RulesTest, AnErrorNamesItsLine) {
  EXPECT_THAT(ErrorOf("allow a * all\n\npermit a * all\n"), HasSubstr("line 3: expected allow"));
  EXPECT_THAT(ErrorOf("allow a *"), HasSubstr("line 1: expected: allow PRINCIPAL KEYS"));
  EXPECT_THAT(ErrorOf("allow a * all x"), HasSubstr("expected: allow"));
  EXPECT_THAT(ErrorOf("deny a * all"), HasSubstr("expected: deny"));
  EXPECT_THAT(ErrorOf("allow a b* all"), HasSubstr("without a *"));
  EXPECT_THAT(ErrorOf("allow a*b * all"), HasSubstr("last character"));
  EXPECT_THAT(ErrorOf("allow \"a\" * all"), HasSubstr("a principal has"));
  EXPECT_THAT(ErrorOf("allow a k acquire, inspect"), HasSubstr("expected: allow"));
  EXPECT_THAT(ErrorOf("allow a k acquire,"), HasSubstr("not \"\""));
  EXPECT_THAT(ErrorOf("allow a k Acquire"), HasSubstr("not \"Acquire\""));
  EXPECT_THAT(ErrorOf("allow a k watch"), HasSubstr("needs inspect"));
  EXPECT_THAT(ErrorOf("allow a \"k all"), HasSubstr("not closed"));
  EXPECT_THAT(ErrorOf("allow a \"k\\"), HasSubstr("not closed"));
  EXPECT_THAT(ErrorOf("allow a \"k\"all"), HasSubstr("space is missing"));
  EXPECT_THAT(ErrorOf("allow a k\"k all"), HasSubstr("quote"));
  EXPECT_THAT(ErrorOf("allow a \"\\q\" all"), HasSubstr("within the quotes"));
}

TEST(RulesTest, OfTheQuotasForACallerTheFirstCounts) {
  const Rules rules = Parsed(
      "quota uid:1 leases=5\n"
      "quota uid:* leases=7 waiters=2 sessions=0\n"
      "quota uid:1 waiters=1\n");
  EXPECT_EQ(rules.For(Principal("uid:1"))->quota(), (Quota{.leases = 5}));
  EXPECT_EQ(rules.For(Principal("uid:2"))->quota(),
            (Quota{.leases = 7, .waiters = 2, .sessions = 0}));
  EXPECT_EQ(rules.For(Principal("anonymous"))->quota(), Quota{});
  EXPECT_THAT(ErrorOf("quota a"), HasSubstr("expected: quota"));
  EXPECT_THAT(ErrorOf("quota a leases"), HasSubstr("leases=N"));
  EXPECT_THAT(ErrorOf("quota a leases=-1"), HasSubstr("leases=N"));
  EXPECT_THAT(ErrorOf("quota a leases=4294967296"), HasSubstr("leases=N"));
  EXPECT_THAT(ErrorOf("quota a locks=1"), HasSubstr("no quota for \"locks\""));
}

TEST(RulesTest, TheRuleThatDecidesCanBeShown) {
  const Rules rules = Parsed("deny * secret/\nallow a * all # everything\n");
  ASSERT_NE(rules.Deciding(Principal("a"), "k"), nullptr);
  EXPECT_EQ(rules.Deciding(Principal("a"), "k")->line, 2);
  EXPECT_EQ(rules.Deciding(Principal("a"), "k")->text, "allow a * all");
  EXPECT_EQ(rules.Deciding(Principal("a"), "secret/1")->line, 1);
  EXPECT_EQ(rules.Deciding(Principal("b"), "k"), nullptr);
}

TEST(RulesTest, AreReadFromAFile) {
  const std::string path = std::string(getenv("TEST_TMPDIR")) + "/rules";
  EXPECT_EQ(Rules::Load(path).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Rules::Load(getenv("TEST_TMPDIR")).ok()) << "a folder";
  std::ofstream(path) << "allow a * all\r\nwrong\n";
  EXPECT_THAT(std::string(Rules::Load(path).status().message()), HasSubstr(path + ", line 2: "));
  std::ofstream(path) << "allow a * all\r\n";
  const auto rules = Rules::Load(path);
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ(May(*rules, "a", "k"), "acquire,inspect,watch,admin");
}

}  // namespace
}  // namespace holdfast
