#include "services/common/principal.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(PrincipalTest, EqualOnesShareTheirText) {
  const Principal one("uid:1000");
  const Principal other(std::string("uid:") + "1000");
  EXPECT_EQ(one, other);
  EXPECT_EQ(&one.name(), &other.name());
  EXPECT_NE(one, Principal("uid:1001"));
  EXPECT_EQ(one.name(), "uid:1000");
}

TEST(PrincipalTest, NobodyWhoIsKnownHasNoName) {
  EXPECT_FALSE(Principal().known());
  EXPECT_EQ(Principal().name(), "");
  EXPECT_EQ(Principal(""), Principal());
  EXPECT_TRUE(Principal("a").known());
  EXPECT_NE(Principal("a"), Principal());
}

TEST(PrincipalTest, ANameCanBePrintedAndHasNoSpace) {
  for (const char* name : {"billing", "uid:1000", "spiffe://example.org/a", "~", "!"}) {
    EXPECT_TRUE(Principal::IsName(name)) << name;
  }
  for (const char* name : {"", "a b", " ", "a\n", "\x7f", "\xc3\xa9"}) {
    EXPECT_FALSE(Principal::IsName(name)) << name;
  }
  EXPECT_TRUE(Principal::IsName(std::string(256, 'a')));
  EXPECT_FALSE(Principal::IsName(std::string(257, 'a')));
}

TEST(PrincipalTest, OnesThatComeAgainAreEqualToThoseThatStayed) {
  const Principal stays("stays");
  // Many that go at once, so that what is left of them is cleared away in between.
  for (int i = 0; i < 1'000; ++i) Principal(std::to_string(i));
  EXPECT_EQ(Principal("stays"), stays);
  EXPECT_EQ(Principal("7").name(), "7");
}

TEST(PrincipalTest, ThreadsMayMakeTheSameOnesAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 10'000; ++i) {
        const std::string name = std::to_string(i % 7);
        const Principal one(name);
        EXPECT_EQ(one, Principal(name));
        EXPECT_EQ(one.name(), name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace holdfast
