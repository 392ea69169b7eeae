#include "services/lock/access/access.h"

#include "gtest/gtest.h"

namespace holdfast {
namespace {

Permissions Of(std::initializer_list<Permission> all) {
  Permissions may;
  for (const Permission permission : all) may.Add(permission);
  return may;
}

TEST(AccessTest, WithoutAnyGrantNothingIsPermitted) {
  const Access access({}, {});
  for (const Permission permission : kPermissions) {
    EXPECT_FALSE(access.May(permission, "k"));
    ASSERT_NE(access.Keys(permission), nullptr) << "null would mean: all";
    EXPECT_FALSE(access.Keys(permission)->Contains("k"));
  }
}

TEST(AccessTest, TheFirstGrantForAKeyDecidesAboutAllOfIt) {
  const Access access({{"a/", Of({Permission::kInspect})},
                       {"", Of({Permission::kInspect, Permission::kAcquire})},
                       {"b/", Permissions::All()}},
                      {});
  EXPECT_TRUE(access.May(Permission::kInspect, "a/1"));
  EXPECT_FALSE(access.May(Permission::kAcquire, "a/1")) << "although a later one has it";
  EXPECT_TRUE(access.May(Permission::kAcquire, "b/1"));
  EXPECT_FALSE(access.May(Permission::kAdmin, "b/1"));
  EXPECT_FALSE(access.Keys(Permission::kAcquire)->Contains("a/1"));
}

TEST(AccessTest, OnlyWhereEveryKeyIsMeantThereIsNoSet) {
  EXPECT_EQ(Access::Unlimited()->Keys(Permission::kAdmin), nullptr);
  EXPECT_TRUE(Access::Unlimited()->May(Permission::kAdmin, "k"));
  const Access after_another({{"a", Permissions()}, {"", Permissions::All()}}, {});
  ASSERT_NE(after_another.Keys(Permission::kAcquire), nullptr);
  EXPECT_FALSE(after_another.May(Permission::kAcquire, "a"));
  EXPECT_TRUE(after_another.May(Permission::kAcquire, "b"));
  const Access none({{"", Permissions()}}, {});
  EXPECT_FALSE(none.May(Permission::kAcquire, "b"));
}

TEST(AccessTest, EqualOnesSayTheSame) {
  const Access one({{"a", Permissions::All()}}, {.leases = 1});
  EXPECT_EQ(one, Access({{"a", Permissions::All()}}, {.leases = 1}));
  EXPECT_FALSE(one == Access({{"a", Permissions::All()}}, {.leases = 2}));
  EXPECT_FALSE(one == Access({{"a", Permissions()}}, {.leases = 1}));
}

}  // namespace
}  // namespace holdfast
