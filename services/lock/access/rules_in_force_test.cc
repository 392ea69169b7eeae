#include "services/lock/access/rules_in_force.h"

#include <string>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(RulesInForceTest, WithoutRulesEverybodyMayDoEverything) {
  const RulesInForce rules;
  EXPECT_EQ(rules.For(Principal("anybody")), Access::Unlimited());
  EXPECT_EQ(rules.version(), 0u);
}

TEST(RulesInForceTest, TheLastOnesCount) {
  RulesInForce rules(*Rules::Parse("allow a * acquire"));
  const auto before = rules.For(Principal("a"));
  EXPECT_TRUE(before->May(Permission::kAcquire, "k"));
  EXPECT_FALSE(rules.For(Principal("b"))->May(Permission::kAcquire, "k"));
  EXPECT_EQ(rules.For(Principal("a")), before) << "worked out once";
  const std::uint64_t version = rules.version();
  rules.Replace(*Rules::Parse("allow b * acquire"));
  EXPECT_NE(rules.version(), version);
  EXPECT_FALSE(rules.For(Principal("a"))->May(Permission::kAcquire, "k"));
  EXPECT_TRUE(rules.For(Principal("b"))->May(Permission::kAcquire, "k"));
  EXPECT_TRUE(before->May(Permission::kAcquire, "k")) << "for whoever still looks at it";
}

TEST(RulesInForceTest, NoMoreAreKeptThanThereMayBe) {
  const RulesInForce rules(*Rules::Parse("allow uid:* * acquire"));
  for (std::size_t i = 0; i < 2 * RulesInForce::kMostKept + 1; ++i) {
    EXPECT_TRUE(rules.For(Principal("uid:" + std::to_string(i)))->May(Permission::kAcquire, "k"));
  }
  EXPECT_FALSE(rules.For(Principal("user"))->May(Permission::kAcquire, "k"));
}

}  // namespace
}  // namespace holdfast
