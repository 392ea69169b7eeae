// Sessions: what is acknowledged, and renewed together.

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lease_ids.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;

constexpr Duration kWindow = Limits{}.reattach_window;
constexpr Duration kTick{1};

// --- Acknowledging ---------------------------------------------------------------------

TEST(LockTableSessionRecordsTest, AGrantThatWasNotSentIsKeptForTheWindow) {
  TableDriver t;
  const CallId stream = t.Attach("s");            // 1
  t.Acquire("sent", "sent", {.stream = stream});  // 2
  t.Acquire("lost", "lost", {.stream = stream});  // 3
  t.Acquire("back", "back", {.stream = stream});  // 4
  t.Advance(2 * kWindow);
  EXPECT_TRUE(t.IsHeld("lost")) << "it may be sent late";
  t.EndStream(stream, /*by_client=*/false, /*sent_through=*/2);
  t.Acquire("back", "back", {});
  t.Advance(kWindow - kTick);
  EXPECT_TRUE(t.IsHeld("lost"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("lost"));
  EXPECT_TRUE(t.IsHeld("back"));
  EXPECT_TRUE(t.IsHeld("sent"));
}

TEST(LockTableSessionRecordsTest, AGrantThatWasSentLastsAcknowledgedOrNot) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = minutes(1), .stream = stream});
  t.EndStream(stream, /*by_client=*/true);
  t.Advance(minutes(1) - kTick);
  EXPECT_TRUE(t.IsHeld("k")) << "its client counts on it";
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableSessionRecordsTest, AnAcknowledgementReachesAsFarAsItSays) {
  TableDriver t;
  const CallId stream = t.Attach("s");                            // 1
  t.Acquire("a", "a", {.expire = minutes(1), .stream = stream});  // 2
  t.Acquire("b", "b", {.expire = minutes(1), .stream = stream});  // 3
  t.Acknowledge(stream, 1);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 0u);
  t.Acknowledge(stream, 2);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
  t.Acknowledge(stream, 1);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
}

TEST(LockTableSessionRecordsTest, AcknowledgingAGrantThatHasEndedAcknowledgesNoOther) {
  TableDriver t;
  const CallId stream = t.Attach("s");                            // 1
  t.Acquire("a", "a", {.expire = minutes(1), .stream = stream});  // 2
  t.ForceRelease("a");
  t.Acquire("b", "b", {.expire = minutes(1), .stream = stream});
  t.Acknowledge(stream, 2);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 0u);
  t.Acknowledge(stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
}

TEST(LockTableSessionRecordsTest, AGrantOfTheOldStreamCanBeListedOrAcquiredOnTheNew) {
  TableDriver t;
  const CallId first = t.Attach("s");
  const CallId told = t.Acquire("listed", "listed", {.stream = first});
  t.Acquire("acquired", "acquired", {.stream = first});
  const CallId second =
      t.Attach("s", {.number = 2, .leases = {{"listed", "listed"}}, .more = true});
  const CallId again = t.Acquire("acquired", "acquired", {.stream = second});
  t.AttachPage(second, {});
  EXPECT_GT(t.TokenOf(again), t.TokenOf(told));
  t.Advance(2 * kWindow);
  EXPECT_TRUE(t.IsHeld("listed"));
  EXPECT_TRUE(t.IsHeld("acquired"));
  t.EndStream(second, /*by_client=*/false, /*sent_through=*/0);
  t.Advance(kWindow);
  EXPECT_TRUE(t.IsHeld("listed")) << "to list it is to know of it";
  EXPECT_TRUE(t.IsHeld("acquired")) << "the first answer may have arrived";
}

TEST(LockTableSessionRecordsTest, ARenewalOfOneLeaseAcknowledgesItsGrant) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = minutes(1), .stream = stream});
  t.Renew("k", "a", {}, stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
  t.Acknowledge(stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u) << "it counts once";
  t.EndStream(stream, /*by_client=*/false, /*sent_through=*/0);
  t.Advance(kWindow);
  EXPECT_TRUE(t.IsHeld("k"));
}

TEST(LockTableSessionRecordsTest, AWaiterKeepsItsPlaceForTheWindow) {
  TableDriver t;
  t.Try("k", "holder");
  const CallId first = t.Attach("s");
  t.Acquire("k", "a", {.timeout = kNoTimeout, .stream = first});
  const CallId behind = t.Queue("k", "b");
  t.EndStream(first, /*by_client=*/false);
  t.Advance(kWindow - kTick);
  const CallId second = t.Attach("s", {.number = 2, .more = true});
  const CallId again = t.Acquire("k", "a", {.timeout = kNoTimeout, .stream = second});
  t.AttachPage(second, {});
  t.Advance(2 * kWindow);
  t.Release("k", "holder");
  EXPECT_TRUE(t.Answered(again));
  EXPECT_FALSE(t.Answered(behind));
}

TEST(LockTableSessionRecordsTest, AWaiterWithoutAStreamIsSkippedAndThenLeaves) {
  TableDriver t;
  t.Try("k", "holder");
  const CallId stream = t.Attach("s");
  const CallId parked = t.Acquire("k", "a", {.timeout = kNoTimeout, .stream = stream});
  const CallId behind = t.Queue("k", "b");
  t.EndStream(stream, /*by_client=*/false);
  t.Release("k", "holder");
  EXPECT_THAT(t.All(parked), IsEmpty());
  EXPECT_TRUE(t.Answered(behind));
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().waiters, 0u);
  EXPECT_EQ(t.RefusalOf(t.Try("k", "a")), Refusal::kLeaseEnded);
}

TEST(LockTableSessionRecordsTest, AWaitOfASessionTimesOut) {
  TableDriver t;
  t.Try("k", "holder");
  const CallId stream = t.Attach("s");
  const CallId waits = t.Acquire("k", "a", {.timeout = seconds(1), .stream = stream});
  t.Advance(seconds(1));
  EXPECT_EQ(t.RefusalOf(waits), Refusal::kWaitTimeout);
  EXPECT_EQ(t.table().stats().ended_ids_awaited, 1u);
}

TEST(LockTableSessionRecordsTest, WhoNeverAcknowledgesIsGrantedNoMore) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  for (std::size_t i = 0; i < Session::kMaxTold; ++i) {
    t.Acquire(TableDriver::Numbered("k", static_cast<int>(i)),
              TableDriver::Numbered("id", static_cast<int>(i)), {.stream = stream});
  }
  const Refused refused = t.Last<Refused>(t.Acquire("k", "a", {.stream = stream}));
  EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
  EXPECT_EQ(refused.name, "max_session_unacknowledged");
  t.Acknowledge(stream);
  t.Last<Granted>(t.Acquire("k", "a", {.stream = stream}));
}

// --- Renewing all ----------------------------------------------------------------------

TEST(LockTableSessionRecordsTest, OneRenewalMovesEveryLeaseThatIsAcknowledged) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("short", "short", {.expire = seconds(10), .stream = stream});
  t.Advance(seconds(1));
  t.Acquire("long", "long", {.expire = seconds(20), .stream = stream});
  t.Acquire("ever", "ever", {.stream = stream});
  t.Acknowledge(stream);
  t.Acquire("unknown", "unknown", {.expire = seconds(10), .stream = stream});
  t.Advance(seconds(8));
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 3u);
  EXPECT_THAT(t.changes(), IsEmpty()) << "it writes nothing";
  EXPECT_EQ(t.Get("short").holders.at(0).remaining, seconds(10));
  EXPECT_EQ(t.Get("long").holders.at(0).remaining, seconds(20));
  EXPECT_EQ(t.Get("unknown").holders.at(0).remaining, seconds(2))
      << "its client does not know that it holds it";
  t.Advance(seconds(2));
  EXPECT_FALSE(t.IsHeld("unknown"));
  t.Advance(seconds(8) - kTick);
  EXPECT_TRUE(t.IsHeld("short"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("short"));
  EXPECT_TRUE(t.IsHeld("long"));
  t.Advance(seconds(10));
  EXPECT_FALSE(t.IsHeld("long"));
  EXPECT_TRUE(t.IsHeld("ever"));
}

TEST(LockTableSessionRecordsTest, ARenewalReachesNothingThatIsAcknowledgedOrListedLater) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("told", "told", {.expire = seconds(10), .stream = stream});
  t.Acquire("other", "other", {.expire = seconds(10)});
  t.Advance(seconds(9));
  t.RenewAll(stream);
  t.Acknowledge(stream);
  t.AttachPage(stream, {{"other", "other"}});
  for (const std::string key : {"told", "other"}) {
    EXPECT_EQ(t.Get(key).holders.at(0).remaining, seconds(1)) << key;
  }
  t.RenewAll(stream);
  for (const std::string key : {"told", "other"}) {
    EXPECT_EQ(t.Get(key).holders.at(0).remaining, seconds(10)) << key;
  }
  t.Attach("s", {.number = 2, .leases = {{"told", "told"}, {"other", "other"}}});
  EXPECT_EQ(t.Get("told").holders.at(0).remaining, seconds(10)) << "it stays renewed";
}

TEST(LockTableSessionRecordsTest, ARenewalOfOneLeaseNeverUndoesThatOfAll) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = seconds(10), .stream = stream});
  t.Acknowledge(stream);
  t.Advance(seconds(9));
  t.RenewAll(stream);
  const Renewed shorter = t.Last<Renewed>(t.Renew("k", "a", seconds(5), stream));
  EXPECT_EQ(shorter.lease.remaining, seconds(10)) << "promised by the renewal of all";
  EXPECT_EQ(shorter.lease.lease.spec.expire, seconds(10));
  t.Advance(seconds(6));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a", seconds(5), stream)).lease.remaining, seconds(5));
  t.Advance(seconds(4));
  t.RenewAll(stream);
  EXPECT_EQ(t.Get("k").holders.at(0).remaining, seconds(5)) << "all go by their own expire";
  t.Advance(seconds(5) - kTick);
  EXPECT_TRUE(t.IsHeld("k"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableSessionRecordsTest, ARenewalReachesNoLeaseOfAnotherSession) {
  TableDriver t;
  const CallId one = t.Attach("one");
  const CallId two = t.Attach("two");
  t.Acquire("k", "a", {.expire = seconds(2), .stream = two});
  t.Acknowledge(two);
  t.Advance(seconds(1));
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(one)).leases, 0u);
  t.Advance(seconds(1));
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableSessionRecordsTest, TimersThatFireTooEarlyAreSetAgainInGreatNumbersButNotAll) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  constexpr int kLeases = LockTable::kTimersResetAtOnce + 10;
  for (int i = 0; i < kLeases; ++i) {
    t.Acquire(TableDriver::Numbered("k", i), TableDriver::Numbered("id", i),
              {.expire = seconds(10), .stream = stream});
  }
  t.Acknowledge(stream);
  // Behind them in the queue of timers.
  t.Acquire("lapses", "lapses", {.expire = seconds(10)});
  t.Advance(seconds(9));
  t.RenewAll(stream);
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("lapses")) << "one turn has only so much time";
  EXPECT_EQ(t.table().NextSilenceTimer(), t.now().monotonic);
  t.Advance(Duration::zero());
  EXPECT_FALSE(t.IsHeld("lapses"));
  EXPECT_EQ(t.table().stats().leases, static_cast<std::size_t>(kLeases));
  EXPECT_EQ(t.table().NextSilenceTimer(), t.now().monotonic + seconds(9));
}

TEST(LockTableSessionRecordsTest, TimersThatAreSetAgainMakeNoLaterTurnLonger) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  constexpr int kLeases = 1'000;
  for (int i = 0; i < kLeases; ++i) {
    t.Acquire(TableDriver::Numbered("k", i), TableDriver::Numbered("id", i),
              {.expire = seconds(10), .stream = stream});
  }
  t.Acknowledge(stream);
  t.Advance(seconds(9));
  t.RenewAll(stream);
  t.Advance(seconds(1));
  t.Advance(seconds(9));
  EXPECT_EQ(t.table().stats().leases, static_cast<std::size_t>(kLeases - LockTable::kTimersAtOnce));
}

}  // namespace
}  // namespace holdfast
