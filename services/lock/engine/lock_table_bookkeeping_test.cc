// What each step stores, and what it leaves behind: records, timers, calls, locks.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr Duration kWindow = Limits{}.reattach_window;

// The ids that the last step has stored as ended, and why.
std::map<std::string, EndCause> Ended(const TableDriver& t) {
  std::map<std::string, EndCause> ended;
  for (const RecordChange& change : t.changes()) {
    if (const auto* put = std::get_if<PutEnded>(&change)) ended[put->lease_id] = put->cause;
  }
  return ended;
}

// The ids whose leases it has stored.
std::vector<std::string> Stored(const TableDriver& t) {
  std::vector<std::string> stored;
  for (const RecordChange& change : t.changes()) {
    if (const auto* put = std::get_if<PutLease>(&change)) {
      stored.push_back(put->lease.spec.lease_id);
    }
  }
  return stored;
}

std::size_t Timers(TableDriver& t) { return t.table().stats().timers; }

TEST(LockTableBookkeepingTest, EveryEndIsStoredWithItsCauseAndTheGrantThatFollows) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1)});
  EXPECT_THAT(Stored(t), ElementsAre("a"));
  t.Queue("k", "b");
  EXPECT_THAT(t.changes(), IsEmpty()) << "places are not stored";
  t.Advance(seconds(1));
  EXPECT_THAT(Ended(t), ElementsAre(Pair("a", EndCause::kExpired)));
  EXPECT_THAT(Stored(t), ElementsAre("b"));
  t.Queue("k", "c");
  t.Release("k", "b");
  EXPECT_THAT(Ended(t), ElementsAre(Pair("b", EndCause::kReleased)));
  EXPECT_THAT(Stored(t), ElementsAre("c"));
  t.ForceRelease("k");
  EXPECT_THAT(Ended(t), ElementsAre(Pair("c", EndCause::kForced)));
  t.Release("k", "unknown");
  EXPECT_THAT(Ended(t), ElementsAre(Pair("unknown", EndCause::kReleased)));
  t.ReportUndelivered(t.Try("k", "d"));
  EXPECT_THAT(t.changes(), IsEmpty());
  t.Advance(kWindow);
  EXPECT_THAT(Ended(t), ElementsAre(Pair("d", EndCause::kCancelled)));
}

TEST(LockTableBookkeepingTest, EveryEndOfAWaitIsStoredWithItsCause) {
  TableDriver t;
  t.Try("k", "a");
  t.Queue("k", "b");
  t.Release("k", "b");
  EXPECT_THAT(Ended(t), ElementsAre(Pair("b", EndCause::kReleased)));
  t.Acquire("k", "c", {.timeout = seconds(1)});
  t.Advance(seconds(1));
  EXPECT_THAT(Ended(t), ElementsAre(Pair("c", EndCause::kTimedOut)));
  t.Cancel(t.Queue("k", "d"));
  EXPECT_THAT(t.changes(), IsEmpty());
  t.Advance(kWindow - Duration(1));
  EXPECT_THAT(t.changes(), IsEmpty());
  t.Advance(Duration(1));
  EXPECT_THAT(Ended(t), ElementsAre(Pair("d", EndCause::kCancelled)));
  EXPECT_EQ(t.RefusalOf(t.Release("other", "a")), Refusal::kLeaseMismatch);
  EXPECT_THAT(t.changes(), IsEmpty());
}

TEST(LockTableBookkeepingTest, AWaiterHasATimerForEachTimeoutAndOneWhileItIsParked) {
  TableDriver t;
  t.Try("k", "a");
  const CallId first = t.Acquire("k", "b", {.timeout = seconds(9)});
  EXPECT_EQ(Timers(t), 1u);
  const CallId second = t.Acquire("k", "b", {.timeout = seconds(9)});
  EXPECT_EQ(Timers(t), 2u);
  t.Cancel(first);
  EXPECT_EQ(Timers(t), 1u);
  t.Cancel(second);
  EXPECT_EQ(Timers(t), 1u) << "of the window";
  EXPECT_EQ(t.table().stats().waiters, 1u);
  t.Acquire("k", "b", {.timeout = seconds(9)});
  EXPECT_EQ(Timers(t), 1u) << "of the new call";
  t.Release("k", "a");
  EXPECT_EQ(Timers(t), 0u);
  t.Advance(seconds(60));
  EXPECT_EQ(t.table().stats().leases, 1u);
}

TEST(LockTableBookkeepingTest, ALeaseHasATimerForItsExpireAndOneWhileItsGrantIsOnNobodysHands) {
  TableDriver t;
  const CallId granted = t.Acquire("k", "a", {.expire = seconds(60)});
  EXPECT_EQ(Timers(t), 1u);
  t.Renew("k", "a", seconds(70));
  EXPECT_EQ(Timers(t), 1u);
  t.Release("k", "a");
  EXPECT_EQ(Timers(t), 0u);
  t.ReportUndelivered(granted);
  EXPECT_EQ(Timers(t), 0u) << "there is no such lease any more";

  const CallId second = t.Acquire("k", "b", {.expire = seconds(60)});
  t.ReportUndelivered(second);
  EXPECT_EQ(Timers(t), 2u);
  const CallId again = t.Acquire("k", "b", {.expire = seconds(60)});
  EXPECT_EQ(Timers(t), 1u);
  t.ReportUndelivered(again);
  EXPECT_EQ(Timers(t), 2u);
  t.Renew("k", "b");
  EXPECT_EQ(Timers(t), 1u);
  t.Release("k", "b");
  EXPECT_EQ(Timers(t), 0u);

  t.ReportUndelivered(t.Acquire("k", "c", {.expire = seconds(60)}));
  t.Release("k", "c");
  EXPECT_EQ(Timers(t), 0u);
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().locks, 0u);
}

TEST(LockTableBookkeepingTest, TheAnswerToASecondAcquireCountsAsADelivery) {
  TableDriver t;
  const CallId first = t.Try("k", "a");
  const CallId second = t.Try("k", "a");
  t.ReportUndelivered(first);
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().leases, 1u) << "the second may have arrived";
  t.ReportUndelivered(second);
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().leases, 0u);
}

TEST(LockTableBookkeepingTest, TimeoutsFireAFewAtATimeAndBeforeAnythingElse) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1)});
  for (int i = 0; i < LockTable::kTimersAtOnce + 10; ++i) {
    t.Acquire("k", "w" + std::to_string(i), {.timeout = seconds(1)});
  }
  t.Advance(Duration::zero());
  t.Advance(seconds(1));
  EXPECT_EQ(t.table().stats().waiters, 10u);
  EXPECT_EQ(t.table().stats().leases, 1u);
  EXPECT_LE(t.table().NextPromptTimer(), t.now().monotonic);
  t.Advance(Duration::zero());
  EXPECT_EQ(t.table().stats().waiters, 0u);
  EXPECT_EQ(t.table().stats().locks, 0u);
}

TEST(LockTableBookkeepingTest, HoweverManyTimeoutsComeInALeaseLapses) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1)});
  t.Acquire("other", "b", {});
  int waiters = 0;
  const auto turn = [&](int arrivals) {
    for (int i = 0; i < arrivals; ++i) {
      t.Acquire("other", "w" + std::to_string(waiters++), {.timeout = milliseconds(1)});
    }
    t.Advance(milliseconds(10));
  };
  turn(20 * LockTable::kTimersAtOnce);
  t.Advance(seconds(1));
  // As many come again as were told that their time is up.
  for (int i = 0; i < 50; ++i) turn(LockTable::kTimersAtOnce);
  EXPECT_TRUE(t.Get("k").holders.empty());
}

TEST(LockTableBookkeepingTest, HoweverManyLeasesComeInNoneOutlivesItsExpireForLong) {
  TableDriver t;
  constexpr int kEachTurn = 4 * LockTable::kTimersAtOnce;
  int leases = 0;
  for (int turn = 0; turn < 30; ++turn) {
    for (int i = 0; i < kEachTurn; ++i) {
      const std::string name = std::to_string(leases++);
      t.Acquire(name, "id" + name, {.expire = milliseconds(10)});
    }
    t.Advance(milliseconds(10));
  }
  EXPECT_LE(t.table().stats().leases, 2u * kEachTurn);
}

TEST(LockTableBookkeepingTest, ALockIsThereForAsLongAsAPlaceInItsQueueIs) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  t.Cancel(b);
  t.Release("k", "a");
  EXPECT_EQ(t.table().stats().locks, 1u);
  EXPECT_TRUE(t.Get("k").holders.empty());
  EXPECT_EQ(t.Get("k").queue_length, 1u);
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().locks, 0u);
}

TEST(LockTableBookkeepingTest, WhoIsRefusedIsToldHowManyWait) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Queue("k", "b");
  t.Queue("k", "c");
  t.Advance(seconds(4));
  const Refused refused = t.Last<Refused>(t.Try("k", "d"));
  EXPECT_EQ(refused.queue_length, 2u);
  ASSERT_TRUE(refused.holder.has_value());
  EXPECT_EQ(refused.holder->remaining, seconds(6));
  EXPECT_EQ(refused.holder->held_for, seconds(4));
}

TEST(LockTableBookkeepingTest, PlacesAreNumberedOverAllLocks) {
  TableDriver t;
  t.Try("k1", "a1");
  t.Try("k2", "a2");
  const auto queue = [&](const std::string& key, const std::string& id) {
    return t.Last<Queued>(t.Acquire(key, id, {.timeout = kNoTimeout, .report_queue = true}));
  };
  const Queued first = queue("k1", "b1");
  const Queued second = queue("k2", "b2");
  const Queued third = queue("k1", "c1");
  EXPECT_EQ(first.position, 1u);
  EXPECT_EQ(second.position, 1u);
  EXPECT_EQ(third.position, 2u);
  EXPECT_LT(first.queue_sequence, second.queue_sequence);
  EXPECT_LT(second.queue_sequence, third.queue_sequence);
}

TEST(LockTableBookkeepingTest, WhoLeavesTheQueueMovesThoseBehindUp) {
  for (const bool times_out : {false, true}) {
    TableDriver t;
    t.Try("k", "a");
    t.Acquire("k", "b", {.timeout = seconds(2)});
    const CallId c = t.Acquire("k", "c", {.timeout = kNoTimeout, .report_queue = true});
    EXPECT_EQ(t.Last<Queued>(c).position, 2u);
    t.Advance(seconds(times_out ? 2 : 1));
    if (!times_out) t.Release("k", "b");
    t.Advance(seconds(1));
    EXPECT_EQ(t.Last<Queued>(c).position, 1u);
  }
}

TEST(LockTableBookkeepingTest, AWaitingRequestMustAgreeInEverything) {
  TableDriver t;
  t.Try("k", "a");
  const auto wait = [&](std::string key, TableDriver::AcquireOptions options) {
    options.timeout = kNoTimeout;
    return t.Acquire(std::move(key), "b", options);
  };
  wait("k", {.expire = seconds(10), .owner = "me", .tags = {"x"}});
  const std::size_t open = t.table().stats().open_calls;
  EXPECT_EQ(t.Last<Refused>(wait("k2", {.expire = seconds(10), .owner = "me", .tags = {"x"}})).name,
            "key");
  EXPECT_EQ(t.Last<Refused>(wait("k", {.expire = seconds(9), .owner = "me", .tags = {"x"}})).name,
            "expire");
  EXPECT_EQ(t.Last<Refused>(wait("k", {.expire = seconds(10), .owner = "me"})).name, "tags");
  EXPECT_EQ(t.Last<Refused>(wait("k", {.expire = seconds(10), .owner = "x", .tags = {"x"}})).name,
            "owner");
  EXPECT_EQ(t.table().stats().open_calls, open);
  EXPECT_EQ(t.RefusalOf(t.Release("k2", "b")), Refusal::kLeaseMismatch);
  EXPECT_EQ(t.RefusalOf(t.Renew("k2", "b")), Refusal::kLeaseMismatch);
  EXPECT_EQ(t.table().stats().waiters, 1u);
}

TEST(LockTableBookkeepingTest, AGrantAfterAWaitSaysHowLongItTook) {
  TableDriver t;
  t.Try("k", "a");
  const CallId early = t.Acquire("k", "b", {.expire = seconds(9), .timeout = kNoTimeout});
  t.Advance(seconds(2));
  const CallId late = t.Acquire("k", "b", {.expire = seconds(9), .timeout = kNoTimeout});
  t.Advance(seconds(3));
  t.Release("k", "a");
  EXPECT_EQ(t.Last<Granted>(early).lease.elapsed, seconds(5));
  EXPECT_EQ(t.Last<Granted>(late).lease.elapsed, seconds(3));
  EXPECT_EQ(t.Last<Granted>(late).lease.remaining, seconds(9));
  t.Advance(seconds(1));
  const LeaseView again = t.Last<Granted>(t.Acquire("k", "b", {.expire = seconds(9)})).lease;
  EXPECT_EQ(again.elapsed, Duration::zero());
  EXPECT_EQ(again.remaining, seconds(8));
}

TEST(LockTableBookkeepingTest, AnEmptyLockIsShownWithItsKey) {
  TableDriver t;
  const LockView view = t.Get("nothing");
  EXPECT_EQ(view.key, "nothing");
  EXPECT_TRUE(view.holders.empty());
  EXPECT_EQ(view.queue_length, 0u);
}

TEST(LockTableBookkeepingTest, GetShowsTheFirstHundredOfThoseWhoWait) {
  TableDriver t;
  t.Try("k", "a");
  for (int i = 0; i < 101; ++i) t.Queue("k", "w" + std::to_string(i));
  const LockView view = t.Get("k");
  EXPECT_EQ(view.queue_length, 101u);
  ASSERT_EQ(view.waiters.size(), 100u);
  EXPECT_EQ(view.waiters.back().position, 100u);
}

TEST(LockTableBookkeepingTest, AfterADrainNothingIsDoneAnyMore) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(60)});
  const CallId b = t.Queue("k", "b");
  t.Last<Drained>(t.Drain());
  EXPECT_EQ(t.RefusalOf(b), Refusal::kStopping);
  EXPECT_THAT(t.changes(), IsEmpty());
  for (const CallId call : {t.Try("k2", "c"), t.Release("k", "a"), t.Renew("k", "a"),
                            t.ForceRelease("k"), t.Watch({})}) {
    EXPECT_EQ(t.RefusalOf(call), Refusal::kStopping);
    EXPECT_THAT(t.changes(), IsEmpty());
  }
  t.Cancel(b);
  EXPECT_EQ(t.table().stats().leases, 1u);
  EXPECT_EQ(t.table().stats().waiters, 0u);
}

TEST(LockTableBookkeepingTest, ACallThatDoesNotWaitCannotBeCancelled) {
  TableDriver t;
  const CallId a = t.Try("k", "a");
  t.Cancel(a);
  t.Last<Granted>(a);
  EXPECT_EQ(t.All(a).size(), 1u);
  EXPECT_EQ(Timers(t), 0u);
}

}  // namespace
}  // namespace holdfast
