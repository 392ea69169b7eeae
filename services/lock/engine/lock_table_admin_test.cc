// Forcing locks open.

#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> KeysOf(const ForcedPage& forced) {
  std::vector<std::string> keys;
  for (const LockView& lock : forced.locks) keys.push_back(lock.key);
  return keys;
}

TEST(LockTableAdminTest, AForcedHolderIsToldSoAndTheNextWaiterIsGranted) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10), .owner = "stuck"});
  const CallId b = t.Queue("k", "b");
  EXPECT_EQ(t.Last<Forced>(t.ForceRelease("k")).former_holder.owner, "stuck");
  t.Last<Granted>(b);
  EXPECT_EQ(t.RefusalOf(t.Renew("k", "a")), Refusal::kLeaseForced);
  EXPECT_EQ(t.RefusalOf(t.Release("k", "a")), Refusal::kLeaseForced);
  EXPECT_EQ(t.table().stats().leases, 1u);
  EXPECT_EQ(t.table().stats().timers, 0u) << "the forced lease's expiry is gone";
}

TEST(LockTableAdminTest, WithATokenOnlyThatLeaseIsForced) {
  TableDriver t;
  const std::uint64_t token = t.TokenOf(t.Try("k", "a"));
  const CallId b = t.Queue("k", "b");
  t.Last<Forced>(t.ForceRelease("k", token));
  EXPECT_EQ(t.RefusalOf(t.ForceRelease("k", token)), Refusal::kLockNotHeld)
      << "sent again it must spare the successor";
  t.Last<Granted>(b);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableAdminTest, AFreeLockCannotBeForced) {
  TableDriver t;
  EXPECT_EQ(t.RefusalOf(t.ForceRelease("k")), Refusal::kLockNotHeld);
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  t.Release("k", "a");
  EXPECT_EQ(t.RefusalOf(t.ForceRelease("k")), Refusal::kLockNotHeld) << "only a parked waiter";
}

TEST(LockTableAdminTest, ReleaseByTagEndsTheLeasesThatCarryAllTags) {
  TableDriver t;
  t.Acquire("k1", "a", {.tags = {"x", "y"}});
  t.Acquire("k2", "b", {.tags = {"x"}});
  t.Acquire("k3", "c", {.tags = {"w", "x", "y"}});
  const ForcedPage forced = t.Last<ForcedPage>(t.ReleaseByTag({.tags = {"x", "y"}}));
  EXPECT_THAT(KeysOf(forced), ElementsAre("k1", "k3"));
  EXPECT_EQ(forced.next_after_key, std::nullopt);
  EXPECT_EQ(t.table().stats().leases, 1u);
  EXPECT_EQ(t.RefusalOf(t.Renew("k3", "c")), Refusal::kLeaseForced);
}

TEST(LockTableAdminTest, ADryRunShowsTheSameAndChangesNothing) {
  TableDriver t;
  t.Acquire("k1", "a", {.tags = {"x"}});
  const CallId dry = t.ReleaseByTag({.tags = {"x"}, .dry_run = true});
  EXPECT_THAT(KeysOf(t.Last<ForcedPage>(dry)), ElementsAre("k1"));
  EXPECT_THAT(t.changes(), IsEmpty());
  EXPECT_EQ(t.table().stats().leases, 1u);
}

TEST(LockTableAdminTest, SuccessorsWithTheSameTagAreSpared) {
  TableDriver t;
  t.Acquire("k", "a", {.tags = {"x"}});
  const CallId b = t.Acquire("k", "b", {.timeout = kNoTimeout, .tags = {"x"}});
  const ForcedPage forced = t.Last<ForcedPage>(t.ReleaseByTag({.tags = {"x"}}));
  t.Last<Granted>(b);
  const CallId again =
      t.ReleaseByTag({.tags = {"x"}, .max_fencing_token = forced.max_fencing_token});
  EXPECT_THAT(t.Last<ForcedPage>(again).locks, IsEmpty());
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableAdminTest, ManyAreForcedPageByPage) {
  TableDriver t;
  const int count = LockTable::kForcedAtOnce + 7;
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    t.Acquire("k" + name, "id" + name, {.tags = {"x"}});
  }
  const ForcedPage first = t.Last<ForcedPage>(t.ReleaseByTag({.tags = {"x"}}));
  EXPECT_THAT(first.locks, SizeIs(LockTable::kForcedAtOnce));
  ASSERT_TRUE(first.next_after_key.has_value());
  const ForcedPage second =
      t.Last<ForcedPage>(t.ReleaseByTag({.tags = {"x"},
                                         .after_key = *first.next_after_key,
                                         .max_fencing_token = first.max_fencing_token}));
  EXPECT_THAT(second.locks, SizeIs(7));
  EXPECT_EQ(second.next_after_key, std::nullopt);
  EXPECT_EQ(t.table().stats().leases, 0u);
}

}  // namespace
}  // namespace holdfast
