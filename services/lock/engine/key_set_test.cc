#include "services/lock/engine/key_set.h"

#include <optional>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(KeySetTest, TheFirstPrefixDecides) {
  const KeySet set{{{"a/secret/", false}, {"a/", true}, {"a/secret/not", true}}};
  EXPECT_TRUE(set.Contains("a/"));
  EXPECT_TRUE(set.Contains("a/b"));
  EXPECT_FALSE(set.Contains("a"));
  EXPECT_FALSE(set.Contains("a/secret/x"));
  EXPECT_FALSE(set.Contains("a/secret/not")) << "a later one";
  EXPECT_FALSE(set.Contains("b"));
  EXPECT_FALSE(KeySet{}.Contains("a"));
  EXPECT_TRUE((KeySet{{{"", true}}}).Contains("a"));
}

TEST(KeySetTest, ABoundaryIsTheBeginningOrTheEndOfAPrefix) {
  const KeySet set{{{"b/", true}, {"b/c", false}}};
  EXPECT_EQ(set.NextBoundary("a"), "b/");
  EXPECT_EQ(set.NextBoundary("b/"), "b/c");
  EXPECT_EQ(set.NextBoundary("b/cc"), "b/d");
  EXPECT_EQ(set.NextBoundary("b/d"), "b0") << "the byte behind the slash";
  EXPECT_EQ(set.NextBoundary("b0"), std::nullopt);
  EXPECT_EQ((KeySet{{{"\xff", true}}}).NextBoundary("\xff"), std::nullopt) << "nothing is behind";
  EXPECT_EQ((KeySet{{{"a\xff", true}}}).NextBoundary("a\xff"), "b");
}

// Against what they say: all keys up to the next boundary are as this one.
TEST(KeySetTest, NothingChangesBeforeABoundary) {
  std::mt19937 random(1);
  const auto text = [&] {
    std::string made;
    for (auto length = random() % 4; length > 0; --length) {
      made.push_back(
          static_cast<char>(random() % 2 == 0 ? 'a' + random() % 3 : 0xfd + random() % 3));
    }
    return made;
  };
  for (int round = 0; round < 2'000; ++round) {
    KeySet set;
    for (auto parts = random() % 4; parts > 0; --parts) {
      set.parts.push_back({.prefix = text(), .in = random() % 2 == 0});
    }
    const std::string key = text();
    const std::optional<std::string> next = set.NextBoundary(key);
    for (int i = 0; i < 50; ++i) {
      const std::string other = text();
      if (other <= key || (next.has_value() && other >= *next)) continue;
      EXPECT_EQ(set.Contains(other), set.Contains(key)) << round;
    }
  }
}

}  // namespace
}  // namespace holdfast
