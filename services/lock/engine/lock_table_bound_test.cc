// Leases that end with their holder, and leases that end however often they are renewed.

#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr Duration kTick{1};
constexpr bool kByClient = true;
constexpr bool kByServer = false;

TableDriver::AcquireOptions Bound(CallId stream) {
  return {.expire = minutes(1), .bound = true, .stream = stream};
}

TEST(LockTableBoundTest, TheDeathOfItsClientEndsABoundLeaseAtOnce) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("bound", "bound", Bound(stream));
  t.Acquire("not", "not", {.expire = minutes(1), .stream = stream});
  t.Acknowledge(stream);
  t.Acquire("told", "told", Bound(stream));
  const CallId next = t.Queue("bound", "next");
  t.EndStream(stream, kByClient);
  EXPECT_EQ(t.table().NextSilenceTimer(), t.now().monotonic);
  t.Advance(Duration::zero());
  EXPECT_TRUE(t.Answered(next));
  EXPECT_FALSE(t.IsHeld("told")) << "acknowledged or not";
  EXPECT_TRUE(t.IsHeld("not"));
  t.Last<Released>(t.Release("bound", "bound"));
}

TEST(LockTableBoundTest, AfterAStopTheServerFirstReadsWhatWasSent) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", Bound(stream));
  t.Acknowledge(stream);
  t.EndStream(stream, kByClient);
  t.Advance(milliseconds(100), LockTable::Expiry::kSuspended);
  EXPECT_TRUE(t.IsHeld("k"));
  t.Attach("s", {.number = 2, .leases = {{"k", "a"}}});
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k")) << "the client is back";
  t.Advance(minutes(1));
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableBoundTest, NoOtherEndOfAStreamEndsABoundLease) {
  TableDriver t;
  const CallId cut = t.Attach("cut");
  t.Acquire("cut", "cut", Bound(cut));
  const CallId remote = t.Attach("remote", {.local = false});
  t.Acquire("remote", "remote", Bound(remote));
  const CallId replaced = t.Attach("replaced");
  t.Acquire("replaced", "replaced", Bound(replaced));
  for (const CallId stream : {cut, remote, replaced}) t.Acknowledge(stream);
  t.EndStream(cut, kByServer);
  t.EndStream(remote, kByClient);
  t.Attach("replaced", {.number = 2, .leases = {{"replaced", "replaced"}}});
  t.EndStream(replaced, kByClient);
  t.Advance(minutes(1) - kTick);
  EXPECT_TRUE(t.IsHeld("cut"));
  EXPECT_TRUE(t.IsHeld("remote"));
  EXPECT_TRUE(t.IsHeld("replaced"));
  t.Advance(kTick);
  EXPECT_EQ(t.table().stats().leases, 0u) << "the expire stays as the second net";
}

TEST(LockTableBoundTest, WhetherAStreamIsLocalCountsAndNotWhetherAnEarlierOneWas) {
  TableDriver t;
  t.Acquire("k", "a", Bound(t.Attach("s")));
  const CallId remote = t.Attach("s", {.number = 2, .local = false, .leases = {{"k", "a"}}});
  t.EndStream(remote, kByClient);
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
  const CallId local = t.Attach("s", {.number = 3, .leases = {{"k", "a"}}});
  t.EndStream(local, kByClient);
  t.Advance(Duration::zero());
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableBoundTest, AfterARestartALeaseIsBoundOnceItsClientHasListedIt) {
  TableDriver t;
  ASSERT_TRUE(
      t.table()
          .RestoreLease({.spec = {.key = "k", .lease_id = "a", .expire = minutes(1), .bound = true},
                         .fencing_token = 7},
                        t.now())
          .ok());
  t.EndStream(t.Attach("s"), kByClient);
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
  t.EndStream(t.Attach("s", {.number = 2, .leases = {{"k", "a"}}}), kByClient);
  t.Advance(Duration::zero());
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableBoundTest, ADetachedLeaseIsNotBoundAnyMore) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", Bound(stream));
  t.Detach(stream, "k", "a");
  t.EndStream(stream, kByClient);
  t.Advance(minutes(1) - kTick);
  EXPECT_TRUE(t.IsHeld("k"));
}

TEST(LockTableBoundTest, LeftForLongerThanTheWindowALeaseRunsToItsLapse) {
  TableDriver t;
  const CallId stream = t.Attach("s", {.local = false});
  t.Acquire("k", "a", Bound(stream));
  t.Acknowledge(stream);
  t.EndStream(stream, kByClient);
  t.Advance(seconds(30));
  t.EndStream(t.Attach("s", {.number = 2}), kByClient);
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
}

TEST(LockTableBoundTest, ManyBoundLeasesDoNotEndInOneTurn) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  constexpr int kLeases = 5 * LockTable::kTimersAtOnce;
  for (int i = 0; i < kLeases; ++i) {
    t.Acquire("k" + std::to_string(i), "id" + std::to_string(i), Bound(stream));
  }
  t.Acknowledge(stream);
  t.Advance(seconds(1));
  t.EndStream(stream, kByClient);
  for (int left = kLeases; left > 0;) {
    t.Advance(Duration::zero());
    const int now = static_cast<int>(t.table().stats().leases);
    ASSERT_LT(now, left);
    ASSERT_GE(now, left - LockTable::kTimersAtOnce - 3) << "no turn grows longer";
    left = now;
  }
}

TEST(LockTableBoundTest, ARequestThatIsSentAgainMustAgreeInBoth) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1), .max_hold = seconds(9)});
  EXPECT_EQ(t.Last<Refused>(t.Acquire("k", "a", {.expire = seconds(1)})).name, "max_hold");
  EXPECT_EQ(t.Last<Refused>(
                 t.Acquire("k", "a", {.expire = seconds(1), .bound = true, .max_hold = seconds(9)}))
                .name,
            "bound");
  t.Last<Granted>(t.Acquire("k", "a", {.expire = seconds(1), .max_hold = seconds(9)}));
}

// --- max_hold --------------------------------------------------------------------------

TEST(LockTableMaxHoldTest, NoRenewalMakesALeaseLastLonger) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  const CallId granted =
      t.Acquire("one", "one", {.expire = seconds(10), .max_hold = seconds(15), .stream = stream});
  EXPECT_EQ(t.Last<Granted>(granted).lease.remaining, seconds(10));
  t.Acquire("all", "all", {.expire = seconds(10), .max_hold = seconds(15), .stream = stream});
  t.Acknowledge(stream);
  t.Advance(seconds(9));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("one", "one", {}, stream)).lease.remaining, seconds(6));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("one", "one", minutes(9), stream)).lease.remaining, seconds(6));
  t.RenewAll(stream);
  EXPECT_EQ(t.Get("all").holders.at(0).remaining, seconds(6));
  t.Advance(seconds(6) - kTick);
  EXPECT_TRUE(t.IsHeld("one"));
  EXPECT_TRUE(t.IsHeld("all"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("one"));
  EXPECT_FALSE(t.IsHeld("all"));
  EXPECT_THAT(t.Gone(stream), ElementsAre(Pair("one", Refusal::kLeaseExpired),
                                          Pair("all", Refusal::kLeaseExpired)));
}

TEST(LockTableMaxHoldTest, ALeaseThatIsNotRenewedLapsesAsEver) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(2), .max_hold = seconds(9)});
  t.Advance(seconds(2));
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableMaxHoldTest, ItEndsALeaseWithoutAnExpire) {
  TableDriver t;
  const CallId granted = t.Acquire("k", "a", {.max_hold = seconds(2)});
  EXPECT_EQ(t.Last<Granted>(granted).lease.remaining, seconds(2));
  t.Advance(seconds(1));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a")).lease.remaining, seconds(1));
  t.Advance(seconds(1) - kTick);
  EXPECT_TRUE(t.IsHeld("k"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableMaxHoldTest, ItBeginsWithTheGrantAndNotWithTheWait) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Acquire("k", "b", {.timeout = kNoTimeout, .max_hold = seconds(2)});
  t.Advance(minutes(1));
  t.Release("k", "a");
  EXPECT_EQ(t.Last<Granted>(b).lease.remaining, seconds(2));
}

TEST(LockTableMaxHoldTest, ARestartBeginsItAnew) {
  TableDriver t;
  ASSERT_TRUE(
      t.table()
          .RestoreLease(
              {.spec = {.key = "k", .lease_id = "a", .expire = seconds(2), .max_hold = seconds(3)},
               .fencing_token = 7},
              t.now())
          .ok());
  t.Advance(seconds(2) - kTick);
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a")).lease.remaining, seconds(1) + kTick);
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

}  // namespace
}  // namespace holdfast
