// How much one principal may have.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/principal.h"
#include "services/lock/engine/lock_listing.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

class LockTableQuotaTest : public testing::Test {
 protected:
  CallId Try(const std::string& key, const Principal& who, Quota quota) {
    return t_.Acquire(key, "of " + key, {.principal = who, .quota = quota});
  }
  CallId Queue(const std::string& key, const std::string& lease_id, const Principal& who,
               Quota quota) {
    return t_.Acquire(key, lease_id, {.timeout = kNoTimeout, .principal = who, .quota = quota});
  }
  void ExpectOver(CallId call, const std::string& name) {
    const Refused refused = t_.Last<Refused>(call);
    EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
    EXPECT_EQ(refused.name, name);
  }

  TableDriver t_;
  const Principal one_{"one"};
  const Principal other_{"other"};
};

TEST_F(LockTableQuotaTest, LeasesAreCountedForEachAlone) {
  t_.Last<Granted>(Try("a", one_, {.leases = 2}));
  t_.Last<Granted>(Try("b", one_, {.leases = 2}));
  ExpectOver(Try("c", one_, {.leases = 2}), "quota_leases");
  t_.Last<Granted>(Try("c", other_, {.leases = 2}));
  t_.Release("a", "of a");
  t_.Last<Granted>(Try("d", one_, {.leases = 2}));
  ExpectOver(Try("e", one_, {.leases = 2}), "quota_leases");
  t_.Last<Granted>(Try("b", one_, {.leases = 0}));  // The same request again takes nothing more.
}

TEST_F(LockTableQuotaTest, EveryWayToEndGivesBack) {
  const Quota quota{.leases = 1};
  t_.Last<Granted>(
      t_.Acquire("a", "1", {.expire = Duration(5), .principal = one_, .quota = quota}));
  t_.Advance(Duration(5));
  t_.Last<Granted>(Try("b", one_, quota));
  t_.ForceRelease("b");
  const CallId lost = Try("c", one_, quota);
  t_.ReportUndelivered(lost);
  t_.Advance(Limits().reattach_window);
  t_.Last<Granted>(Try("d", one_, quota));
  ExpectOver(Try("e", one_, quota), "quota_leases");
}

TEST_F(LockTableQuotaTest, WhoHasItsLeasesDoesNotBeginToWait) {
  Try("a", other_, {});
  Try("b", one_, {.leases = 1});
  ExpectOver(Queue("a", "waits", one_, {.leases = 1}), "quota_leases");
}

TEST_F(LockTableQuotaTest, WaitersAreCountedForEachAlone) {
  const Quota quota{.waiters = 1};
  Try("a", other_, {});
  const CallId first = Queue("a", "1", one_, quota);
  ExpectOver(Queue("a", "2", one_, quota), "quota_waiters");
  Queue("a", "3", other_, quota);
  t_.Release("a", "of a");
  t_.Last<Granted>(first);
  EXPECT_FALSE(t_.Answered(Queue("a", "4", one_, quota))) << "a waiter less";
  t_.Release("a", "4");
  EXPECT_FALSE(t_.Answered(Queue("a", "5", one_, quota)));
  t_.Drain();
}

TEST_F(LockTableQuotaTest, WhatIsRestoredCounts) {
  t_.table().RestoreTokens(100);
  LeaseRecord record{.spec = {.key = "k", .lease_id = "a"}, .fencing_token = 7};
  record.principal = one_;
  ASSERT_TRUE(t_.table().RestoreLease(record, t_.now()).ok());
  ExpectOver(Try("b", one_, {.leases = 1}), "quota_leases");
  t_.Release("k", "a");
  t_.Last<Granted>(Try("b", one_, {.leases = 1}));
}

TEST_F(LockTableQuotaTest, SessionsAreCountedForEachAloneWhileTheyAreKnown) {
  const Quota quota{.sessions = 1};
  const CallId first = t_.Attach("first", {.principal = one_, .quota = quota});
  t_.Last<Attached>(first);
  const Refused refused =
      t_.Last<Refused>(t_.Attach("second", {.principal = one_, .quota = quota}));
  EXPECT_EQ(refused.name, "quota_sessions");
  t_.Last<Attached>(t_.Attach("third", {.principal = other_, .quota = quota}));
  t_.Last<Attached>(t_.Attach("first", {.number = 2, .principal = one_, .quota = quota}));
}

// Keys that a caller may not see are as if they were not there.
class LockTableAmongTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* key : {"a/1", "a/secret/1", "a/secret/2", "b/1", "c/1", "c/2"}) {
      t_.Acquire(key, std::string("of ") + key, {.tags = {"x"}});
    }
  }
  static std::vector<std::string> Keys(const std::vector<LockView>& locks) {
    std::vector<std::string> keys;
    for (const LockView& lock : locks) keys.push_back(lock.key);
    return keys;
  }

  TableDriver t_;
  const std::shared_ptr<const KeySet> among_ =
      std::make_shared<const KeySet>(KeySet{{{"a/secret/", false}, {"a/", true}, {"c/", true}}});
};

TEST_F(LockTableAmongTest, AListShowsNoOthersAndNoPageNamesOne) {
  ListCommand command{.filter = {.among = among_}, .page_size = 1};
  std::vector<std::string> seen;
  while (true) {
    const Listed page = t_.List(command);
    for (const std::string& key : Keys(page.locks)) seen.push_back(key);
    if (!page.next_after_key.has_value()) break;
    EXPECT_TRUE(among_->Contains(*page.next_after_key)) << *page.next_after_key;
    command.after_key = *page.next_after_key;
  }
  EXPECT_THAT(seen, ElementsAre("a/1", "c/1", "c/2"));
  command = {.filter = {.key_prefix = "a/secret/", .among = among_}, .page_size = 10};
  EXPECT_THAT(t_.List(command).locks, ElementsAre());
}

TEST_F(LockTableAmongTest, AWatchTellsOfNoOthers) {
  const CallId watch = t_.Watch({.among = among_});
  t_.Release("a/secret/1", "of a/secret/1");
  t_.Release("b/1", "of b/1");
  t_.Release("c/1", "of c/1");
  std::vector<std::string> keys;
  for (const Outcome& outcome : t_.All(watch)) {
    for (const SharedLeaseEvent& event : std::get<Watched>(outcome).events) {
      if (event->kind != LeaseEventKind::kSnapshotEnd) keys.push_back(event->key);
    }
  }
  EXPECT_THAT(keys, ElementsAre("a/1", "c/1", "c/2", "c/1"));
}

TEST_F(LockTableAmongTest, AReleaseByTagSparesAllOthers) {
  const ForcedPage page = t_.Last<ForcedPage>(t_.ReleaseByTag({.tags = {"x"}, .among = among_}));
  EXPECT_THAT(Keys(page.locks), ElementsAre("a/1", "c/1", "c/2"));
  EXPECT_TRUE(t_.IsHeld("a/secret/1"));
  EXPECT_TRUE(t_.IsHeld("b/1"));
  EXPECT_FALSE(t_.IsHeld("c/2"));
}

TEST_F(LockTableAmongTest, ALongWalkSkipsWhatIsNotSeen) {
  for (int i = 0; i < 3 * kLocksWalkedPerPage; ++i) {
    t_.Try("a/secret/" + std::to_string(1'000 + i), TableDriver::Numbered("long ", i));
  }
  EXPECT_THAT(Keys(t_.List({.filter = {.among = among_}, .page_size = 10}).locks),
              ElementsAre("a/1", "c/1", "c/2"))
      << "on one page";
}

}  // namespace
}  // namespace holdfast
