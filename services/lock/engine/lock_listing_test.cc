#include "services/lock/engine/lock_listing.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Locks with one holder each.
class LockListingTest : public ::testing::Test {
 protected:
  void Add(const std::string& key, std::vector<std::string> tags = {}) {
    auto lease = std::make_unique<HeldLease>();
    lease->record.spec.tags = std::move(tags);
    auto lock = std::make_unique<LockState>();
    lock->key = key;
    lock->holders.push_back(lease.get());
    leases_.push_back(std::move(lease));
    const std::string_view lock_key = lock->key;
    locks_.emplace(lock_key, std::move(lock));
  }

  // The keys of a page; where the next begins goes to next_.
  std::vector<std::string> Page(const ListCommand& command) {
    const Listed page = ListLocks(locks_, command, Now{});
    std::vector<std::string> keys;
    for (const LockView& lock : page.locks) keys.push_back(lock.key);
    next_ = page.next_after_key;
    return keys;
  }

  LockMap locks_;
  std::vector<std::unique_ptr<HeldLease>> leases_;
  std::optional<std::string> next_;
};

TEST_F(LockListingTest, AllLocksAreListedInTheOrderOfTheirKeys) {
  for (const char* key : {"b", "a", "c"}) Add(key);
  EXPECT_THAT(Page({.page_size = 10}), ElementsAre("a", "b", "c"));
  EXPECT_EQ(next_, std::nullopt);
}

TEST_F(LockListingTest, APrefixSelectsItsKeysAlone) {
  for (const char* key : {"a", "ab", "ab/1", "ac", "b"}) Add(key);
  EXPECT_THAT(Page({.filter = {.key_prefix = "ab"}, .page_size = 10}), ElementsAre("ab", "ab/1"));
}

TEST_F(LockListingTest, TagsMustAllBeThere) {
  Add("a", {"x"});
  Add("b", {"x", "y"});
  Add("c", {"y"});
  EXPECT_THAT(Page({.filter = {.tags = {"x", "y"}}, .page_size = 10}), ElementsAre("b"));
  EXPECT_THAT(Page({.filter = {.tags = {"x"}}, .page_size = 10}), ElementsAre("a", "b"));
}

TEST_F(LockListingTest, PagesFollowEachOtherWithoutGapOrRepeat) {
  for (const char* key : {"a", "b", "c", "d"}) Add(key);
  EXPECT_THAT(Page({.page_size = 2}), ElementsAre("a", "b"));
  ASSERT_TRUE(next_.has_value());
  EXPECT_THAT(Page({.after_key = *next_, .page_size = 2}), ElementsAre("c", "d"));
  EXPECT_EQ(next_, std::nullopt) << "a last page that is full is the last";
}

TEST_F(LockListingTest, APageAfterALockThatHasGoneGoesOnBehindIt) {
  for (const char* key : {"a", "c"}) Add(key);
  EXPECT_THAT(Page({.after_key = "b", .page_size = 2}), ElementsAre("c"));
}

TEST_F(LockListingTest, APageThatMatchesLittleEndsEarlyAndGoesOn) {
  for (int i = 0; i < kLocksWalkedPerPage + 1; ++i) Add("a" + std::to_string(i));
  Add("z", {"x"});
  EXPECT_THAT(Page({.filter = {.tags = {"x"}}, .page_size = 10}), IsEmpty());
  ASSERT_TRUE(next_.has_value());
  EXPECT_THAT(Page({.filter = {.tags = {"x"}}, .after_key = *next_, .page_size = 10}),
              ElementsAre("z"));
  EXPECT_EQ(next_, std::nullopt);
}

}  // namespace
}  // namespace holdfast
