// What watchers are told.

#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_listing.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// "held k", "granted k", … in the order in which they were told.
std::vector<std::string> Told(TableDriver& t, CallId call) {
  static constexpr const char* kNames[] = {"held",     "end",     "granted",
                                           "released", "expired", "forced"};
  std::vector<std::string> told;
  for (const Outcome& outcome : t.All(call)) {
    const auto* watched = std::get_if<Watched>(&outcome);
    if (watched == nullptr) continue;
    for (const SharedLeaseEvent& event : watched->events) {
      const std::string name = kNames[static_cast<int>(event->kind)];
      told.push_back(event->key.empty() ? name : name + " " + event->key);
    }
  }
  return told;
}

TEST(LockTableWatchTest, AWatchBeginsWithWhatIsHeldAndGoesOnWithWhatHappens) {
  TableDriver t;
  t.Try("a", "1");
  const CallId watch = t.Watch({});
  EXPECT_FALSE(t.Last<Watched>(watch).snapshot_continues);
  t.Acquire("b", "2", {.expire = seconds(1)});
  t.Advance(seconds(1));
  t.Release("a", "1");
  t.Try("c", "3");
  t.ForceRelease("c");
  EXPECT_THAT(Told(t, watch), ElementsAre("held a", "end", "granted b", "expired b", "released a",
                                          "granted c", "forced c"));
}

TEST(LockTableWatchTest, AnEventSaysWhoAndWhat) {
  TableDriver t;
  const CallId watch = t.Watch({});
  const std::uint64_t token =
      t.TokenOf(t.Acquire("k", "a", {.expire = seconds(9), .owner = "me", .tags = {"x", "y"}}));
  const Watched granted = t.Last<Watched>(watch);
  ASSERT_THAT(granted.events, SizeIs(1));
  const LeaseEvent& event = *granted.events[0];
  EXPECT_EQ(event.owner, "me");
  EXPECT_THAT(event.tags, ElementsAre("x", "y"));
  EXPECT_EQ(event.fencing_token, token);
  EXPECT_EQ(event.expire, seconds(9));
  EXPECT_EQ(event.time, t.now().wall);
  t.Release("k", "a");
  EXPECT_GT(t.Last<Watched>(watch).events[0]->sequence, event.sequence);
}

TEST(LockTableWatchTest, WatchersShareOneEvent) {
  TableDriver t;
  const CallId first = t.Watch({});
  const CallId second = t.Watch({});
  t.Try("k", "a");
  EXPECT_EQ(t.Last<Watched>(first).events[0], t.Last<Watched>(second).events[0]);
}

TEST(LockTableWatchTest, AFilterSelectsByPrefixAndTags) {
  TableDriver t;
  t.Acquire("a/1", "1", {.tags = {"x"}});
  t.Acquire("b/1", "2", {.tags = {"x"}});
  const CallId watch = t.Watch({.key_prefix = "a/", .tags = {"x"}});
  t.Acquire("a/2", "3", {.tags = {"x", "y"}});
  t.Acquire("a/3", "4", {.tags = {"y"}});
  t.Acquire("b/2", "5", {.tags = {"x"}});
  t.Release("b/1", "2");
  EXPECT_THAT(Told(t, watch), ElementsAre("held a/1", "end", "granted a/2"));
}

TEST(LockTableWatchTest, AGrantToAWaiterFollowsTheReleaseBeforeIt) {
  TableDriver t;
  t.Try("k", "a");
  t.Queue("k", "b");
  const CallId watch = t.Watch({});
  t.Release("k", "a");
  EXPECT_THAT(Told(t, watch), ElementsAre("held k", "end", "released k", "granted k"));
}

TEST(LockTableWatchTest, BetweenThePagesOfASnapshotNothingIsLostOrToldTwice) {
  TableDriver t;
  const auto key = [](std::size_t i) { return "k" + std::to_string(1'000 + i); };
  const std::size_t count = WatchHub::kLeasesPerPage + 10;
  for (std::size_t i = 0; i < count; ++i) t.Try(key(i), "id" + std::to_string(i));
  const CallId watch = t.Watch({});
  EXPECT_TRUE(t.Last<Watched>(watch).snapshot_continues);
  EXPECT_THAT(Told(t, watch), SizeIs(WatchHub::kLeasesPerPage));
  t.Release(key(0), "id0");                                     // Has been shown.
  t.Release(key(count - 1), "id" + std::to_string(count - 1));  // Has not.
  t.Try(key(count - 2) + "x", "new");                           // Has not.
  t.Try("a", "before");                                         // Would have been shown.
  t.ContinueWatch(watch);
  EXPECT_FALSE(t.Last<Watched>(watch).snapshot_continues);
  std::vector<std::string> told = Told(t, watch);
  told.erase(told.begin(), told.begin() + WatchHub::kLeasesPerPage);
  EXPECT_EQ(told[0], "released " + key(0));
  EXPECT_EQ(told[1], "granted a");
  EXPECT_EQ(told.size(), 2 + 10u + 1) << "nine of the ten others, the new one, and the end";
  EXPECT_EQ(told[told.size() - 2], "held " + key(count - 2) + "x");
  t.ContinueWatch(watch);
  EXPECT_EQ(Told(t, watch).size(), WatchHub::kLeasesPerPage + 13);
}

TEST(LockTableWatchTest, APageThatFindsLittleEndsEarlyAndGoesOn) {
  TableDriver t;
  for (int i = 0; i <= kLocksWalkedPerPage; ++i) {
    t.Try("k" + std::to_string(i), "id" + std::to_string(i));
  }
  t.Acquire("z", "z", {.tags = {"x"}});
  const CallId watch = t.Watch({.tags = {"x"}});
  EXPECT_TRUE(t.Last<Watched>(watch).snapshot_continues);
  EXPECT_THAT(Told(t, watch), ElementsAre());
  t.ContinueWatch(watch);
  EXPECT_THAT(Told(t, watch), ElementsAre("held z", "end"));
}

TEST(LockTableWatchTest, ACancelledWatchIsToldNothingMore) {
  TableDriver t;
  const CallId watch = t.Watch({});
  t.Cancel(watch);
  EXPECT_EQ(t.RefusalOf(watch), Refusal::kCancelled);
  t.Try("k", "a");
  EXPECT_THAT(Told(t, watch), ElementsAre("end"));
  EXPECT_EQ(t.table().stats().watches, 0u);
}

TEST(LockTableWatchTest, WatchesEndWithTheServer) {
  TableDriver t;
  const CallId watch = t.Watch({});
  t.Drain();
  EXPECT_EQ(t.RefusalOf(watch), Refusal::kStopping);
  EXPECT_EQ(t.table().stats().watches, 0u);
}

}  // namespace
}  // namespace holdfast
