// Waiting: order, timeouts, cancelled calls, clients that come back.

#include <chrono>
#include <string>
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
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::VariantWith;

constexpr Duration kWindow = Limits{}.reattach_window;

TEST(LockTableQueueTest, WaitersAreGrantedInTheOrderInWhichTheyCame) {
  TableDriver t;
  t.Try("k", "holder");
  std::vector<CallId> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(t.Queue("k", "w" + std::to_string(i)));
  t.Release("k", "holder");
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    ASSERT_GT(t.TokenOf(calls[i]), last);
    last = t.TokenOf(calls[i]);
    for (std::size_t j = i + 1; j < calls.size(); ++j) ASSERT_FALSE(t.Answered(calls[j]));
    t.Release("k", "w" + std::to_string(i));
  }
  EXPECT_EQ(t.table().stats().locks, 0u);
}

TEST(LockTableQueueTest, ALapsedLeaseMakesWayForTheFirstWaiter) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(2)});
  const CallId b = t.Queue("k", "b");
  t.Advance(seconds(2) - Duration(1));
  EXPECT_FALSE(t.Answered(b));
  t.Advance(Duration(1));
  EXPECT_EQ(t.Last<Granted>(b).lease.elapsed, seconds(2));
}

TEST(LockTableQueueTest, TheExpireOfAWaiterBeginsWithItsGrant) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Acquire("k", "b", {.expire = seconds(1), .timeout = kNoTimeout});
  t.Advance(seconds(30));
  t.Release("k", "a");
  EXPECT_EQ(t.Last<Granted>(b).lease.remaining, seconds(1));
  EXPECT_EQ(t.Last<Granted>(b).lease.elapsed, seconds(30));
  t.Advance(seconds(1) - Duration(1));
  EXPECT_EQ(t.table().stats().leases, 1u);
}

TEST(LockTableQueueTest, ATimeoutEndsTheWaitAndTheId) {
  TableDriver t;
  t.Acquire("k", "a", {.owner = "holder"});
  const CallId b = t.Acquire("k", "b", {.timeout = seconds(1)});
  t.Advance(seconds(1) - Duration(1));
  EXPECT_FALSE(t.Answered(b));
  t.Advance(Duration(1));
  const Refused refused = t.Last<Refused>(b);
  EXPECT_EQ(refused.reason, Refusal::kWaitTimeout);
  ASSERT_TRUE(refused.holder.has_value());
  EXPECT_EQ(refused.holder->owner, "holder");
  EXPECT_EQ(t.table().stats().waiters, 0u);
  EXPECT_EQ(t.table().stats().timers, 0u);
  t.Release("k", "a");
  EXPECT_EQ(t.Last<Refused>(t.Acquire("k", "b", {.timeout = seconds(1)})).ended_by,
            EndCause::kTimedOut);
}

TEST(LockTableQueueTest, TheLongestTimeoutDoesNotOverflow) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Acquire("k", "b", {.timeout = kNoTimeout - Duration(1)});
  t.Advance(std::chrono::hours(24 * 366));
  EXPECT_FALSE(t.Answered(b));
}

TEST(LockTableQueueTest, ReleaseTakesAWaiterOutOfTheQueue) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  const CallId c = t.Queue("k", "c");
  t.Last<Released>(t.Release("k", "b"));
  EXPECT_EQ(t.RefusalOf(b), Refusal::kLeaseEnded);
  t.Release("k", "a");
  t.Last<Granted>(c);
}

TEST(LockTableQueueTest, ACancelledWaiterIsPassedOver) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  const CallId c = t.Queue("k", "c");
  t.Cancel(b);
  EXPECT_EQ(t.RefusalOf(b), Refusal::kCancelled);
  t.Release("k", "a");
  t.Last<Granted>(c);
}

TEST(LockTableQueueTest, WhoComesBackInTimeHasKeptThePlace) {
  TableDriver t;
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  const CallId c = t.Queue("k", "c");
  t.Advance(kWindow - Duration(1));
  const CallId b = t.Queue("k", "b");
  t.Advance(kWindow);
  t.Release("k", "a");
  t.Last<Granted>(b);
  EXPECT_FALSE(t.Answered(c));
}

TEST(LockTableQueueTest, WhoComesBackTooLateIsRefused) {
  TableDriver t;
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().waiters, 0u);
  EXPECT_EQ(t.Last<Refused>(t.Queue("k", "b")).ended_by, EndCause::kCancelled);
}

TEST(LockTableQueueTest, AFreeLockDoesNotWaitForThoseWhoAreAway) {
  TableDriver t;
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  t.Release("k", "a");
  EXPECT_TRUE(t.Get("k").holders.empty());
  t.Last<Granted>(t.Try("k", "c"));
}

TEST(LockTableQueueTest, WhoComesBackToAFreeLockGetsItEvenWithATry) {
  TableDriver t;
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  t.Release("k", "a");
  t.Last<Granted>(t.Try("k", "b"));
  EXPECT_EQ(t.table().stats().waiters, 0u);
}

TEST(LockTableQueueTest, ATryWithAWaitingIdDoesNotDisturbTheWaiter) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Release("k", "a");
  t.Last<Granted>(b);
}

TEST(LockTableQueueTest, TwoCallsOfOneWaiterGetTheSameLease) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b1 = t.Queue("k", "b");
  t.Queue("k", "c");
  t.Advance(seconds(1));
  const CallId b2 = t.Queue("k", "b");
  EXPECT_EQ(t.table().stats().waiters, 2u);
  t.Release("k", "a");
  EXPECT_EQ(t.TokenOf(b1), t.TokenOf(b2));
  EXPECT_EQ(t.Last<Granted>(b1).lease.elapsed, seconds(1));
  EXPECT_EQ(t.Last<Granted>(b2).lease.elapsed, Duration::zero());
}

TEST(LockTableQueueTest, AWaiterStaysWhileOneOfItsCallsDoes) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b1 = t.Acquire("k", "b", {.timeout = seconds(1)});
  const CallId b2 = t.Queue("k", "b");
  t.Cancel(b1);
  t.Advance(seconds(10));
  t.Release("k", "a");
  t.Last<Granted>(b2);
}

TEST(LockTableQueueTest, TheFirstTimeoutEndsTheIdForAllOfItsCalls) {
  TableDriver t;
  t.Try("k", "a");
  const std::vector<CallId> calls = {t.Acquire("k", "b", {.timeout = seconds(9)}),
                                     t.Acquire("k", "b", {.timeout = seconds(1)}),
                                     t.Queue("k", "b")};
  t.Advance(seconds(1) - Duration(1));
  for (const CallId call : calls) EXPECT_FALSE(t.Answered(call));
  t.Advance(Duration(1));
  for (const CallId call : calls) {
    EXPECT_EQ(t.RefusalOf(call), Refusal::kWaitTimeout);
    EXPECT_TRUE(t.Last<Refused>(call).holder.has_value());
  }
  EXPECT_EQ(t.table().stats().open_calls, 0u);
  EXPECT_EQ(t.table().stats().timers, 0u);
  // Stored with what they are told, so that a restart does not forget it.
  ASSERT_THAT(t.changes(), ElementsAre(VariantWith<PutEnded>(_)));
  EXPECT_EQ(std::get<PutEnded>(t.changes()[0]).lease_id, "b");
  t.Release("k", "a");
  EXPECT_EQ(t.table().stats().leases, 0u);
  EXPECT_EQ(t.RefusalOf(t.Queue("k", "b")), Refusal::kLeaseEnded);
}

TEST(LockTableQueueTest, ATimeoutOfACallThatHasGoneEndsNothing) {
  TableDriver t;
  t.Try("k", "a");
  t.Cancel(t.Acquire("k", "b", {.timeout = seconds(1)}));
  t.Advance(seconds(2));
  const CallId b = t.Queue("k", "b");
  t.Release("k", "a");
  t.Last<Granted>(b);
}

TEST(LockTableQueueTest, AWaitingIdWithOtherParametersIsRefused) {
  TableDriver t;
  t.Try("k", "a");
  t.Queue("k", "b");
  const Refused refused =
      t.Last<Refused>(t.Acquire("k", "b", {.timeout = kNoTimeout, .owner = "somebody else"}));
  EXPECT_EQ(refused.reason, Refusal::kLeaseMismatch);
  EXPECT_EQ(refused.name, "owner");
}

TEST(LockTableQueueTest, AGrantThatDidNotArriveGoesToTheNextAfterTheWindow) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  const CallId c = t.Queue("k", "c");
  t.Release("k", "a");
  t.ReportUndelivered(b);
  t.Advance(kWindow - Duration(1));
  EXPECT_FALSE(t.Answered(c));
  t.Advance(Duration(1));
  t.Last<Granted>(c);
  EXPECT_EQ(t.Last<Refused>(t.Queue("k", "b")).ended_by, EndCause::kCancelled);
}

TEST(LockTableQueueTest, AGrantThatDidNotArriveIsKeptForItsId) {
  TableDriver t;
  const CallId a = t.Try("k", "a");
  t.ReportUndelivered(a);
  t.Advance(kWindow - Duration(1));
  EXPECT_EQ(t.TokenOf(t.Try("k", "a")), t.TokenOf(a));
  t.Advance(kWindow);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableQueueTest, OneOfTwoAnswersThatArrivedIsEnough) {
  TableDriver t;
  t.Try("k", "a");
  t.ReportUndelivered(t.Try("k", "a"));
  t.Advance(kWindow);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableQueueTest, ARenewedLeaseHasArrivedWhateverIsReportedLater) {
  TableDriver t;
  t.ReportUndelivered(t.Try("k", "a"));
  t.Renew("k", "a");
  t.ReportUndelivered(t.Try("k", "a"));
  t.Advance(kWindow);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableQueueTest, AReportThatComesLateDoesNotTouchTheIdsNextLease) {
  TableDriver t(Limits{.max_ended_ids = 1});
  const CallId before = t.Try("k", "a");
  t.Release("k", "a");
  t.Release("k", "b");  // There is room for one ended id, so "a" is forgotten.
  const CallId a = t.Try("k", "a");
  t.ReportUndelivered(before);
  t.Advance(kWindow);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
  t.ReportUndelivered(a);
  t.Advance(kWindow);
  EXPECT_THAT(t.Get("k").holders, IsEmpty());
}

TEST(LockTableQueueTest, AParkedWaiterThatComesBackDoesNotExceedTheLimitOfLeases) {
  TableDriver t(Limits{.max_leases = 1});
  t.Try("k", "a");
  t.Cancel(t.Queue("k", "b"));
  t.Release("k", "a");
  t.Last<Granted>(t.Try("other", "c"));
  EXPECT_EQ(t.Last<Refused>(t.Queue("k", "b")).name, "max_leases");
  t.Release("other", "c");
  t.Last<Granted>(t.Queue("k", "b"));
}

TEST(LockTableQueueTest, WaitersAreLimitedPerKeyAndInAll) {
  TableDriver t(Limits{.max_waiters_per_key = 2, .max_waiters = 3});
  t.Try("k1", "a");
  t.Try("k2", "b");
  t.Queue("k1", "w1");
  t.Queue("k1", "w2");
  EXPECT_EQ(t.Last<Refused>(t.Queue("k1", "w3")).name, "max_waiters_per_key");
  EXPECT_FALSE(t.Answered(t.Queue("k2", "w4")));
  EXPECT_EQ(t.Last<Refused>(t.Queue("k2", "w5")).name, "max_waiters");
  EXPECT_EQ(t.RefusalOf(t.Try("k2", "w5")), Refusal::kLockHeld);
}

TEST(LockTableQueueTest, CallsOfOneWaiterAreLimited) {
  TableDriver t;
  t.Try("k", "a");
  std::vector<CallId> calls;
  for (std::size_t i = 0; i < Waiter::kMaxCalls; ++i) calls.push_back(t.Queue("k", "b"));
  const Refused refused = t.Last<Refused>(t.Queue("k", "b"));
  EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
  EXPECT_EQ(refused.name, "max_calls_per_waiter");
  EXPECT_EQ(t.table().stats().open_calls, Waiter::kMaxCalls) << "the others go on";
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld) << "a try is none too many";
  t.Cancel(calls[3]);
  calls[3] = t.Queue("k", "b");
  t.Release("k", "a");
  for (const CallId call : calls) t.Last<Granted>(call);
}

TEST(LockTableQueueTest, CallsThatWaitAreLimited) {
  TableDriver t(Limits{.max_open_waits = 2});
  t.Try("k", "a");
  t.Try("k2", "a2");
  const CallId b = t.Queue("k", "b");
  t.Queue("k", "b");
  for (const CallId call : {t.Queue("k", "b"), t.Queue("k2", "c")}) {
    EXPECT_EQ(t.RefusalOf(call), Refusal::kLimitExceeded);
    EXPECT_EQ(t.Last<Refused>(call).name, "max_open_waits");
  }
  EXPECT_EQ(t.table().stats().waiters, 1u);
  t.Last<Granted>(t.Queue("free", "d"));
  t.Cancel(b);
  EXPECT_FALSE(t.Answered(t.Queue("k2", "c")));
}

TEST(LockTableQueueTest, DrainingAnswersEveryWaiterAndEndsNothing) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  const CallId c = t.Acquire("k", "c", {.timeout = seconds(9), .report_queue = true});
  t.Last<Drained>(t.Drain());
  EXPECT_EQ(t.RefusalOf(b), Refusal::kStopping);
  EXPECT_EQ(t.RefusalOf(c), Refusal::kStopping);
  EXPECT_EQ(t.RefusalOf(t.Release("k", "a")), Refusal::kStopping);
  const TableStats stats = t.table().stats();
  EXPECT_EQ(stats.leases, 1u);
  EXPECT_EQ(stats.waiters + stats.open_calls + stats.timers + stats.ended_ids, 0u);
}

TEST(LockTableQueueTest, GetShowsHolderAndQueue) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10), .owner = "holder", .tags = {"x"}});
  t.Advance(seconds(1));
  t.Acquire("k", "b", {.timeout = kNoTimeout, .owner = "first"});
  const CallId c = t.Acquire("k", "c", {.timeout = kNoTimeout, .owner = "second"});
  t.Cancel(c);
  t.Advance(seconds(2));
  const LockView lock = t.Get("k");
  ASSERT_THAT(lock.holders, SizeIs(1));
  EXPECT_EQ(lock.holders[0].held_for, seconds(3));
  EXPECT_EQ(lock.holders[0].remaining, seconds(7));
  EXPECT_EQ(lock.queue_length, 2u);
  ASSERT_THAT(lock.waiters, SizeIs(2));
  EXPECT_EQ(lock.waiters[0].owner, "first");
  EXPECT_EQ(lock.waiters[0].waiting_for, seconds(2));
  EXPECT_FALSE(lock.waiters[0].parked);
  EXPECT_EQ(lock.waiters[1].position, 2u);
  EXPECT_TRUE(lock.waiters[1].parked);
}

TEST(LockTableQueueTest, TenThousandWaitersCostOneAnswerARelease) {
  TableDriver t;
  t.Try("k", "holder");
  std::vector<CallId> calls;
  for (int i = 0; i < 10'000; ++i) {
    calls.push_back(
        t.Acquire("k", "w" + std::to_string(i), {.timeout = kNoTimeout, .report_queue = true}));
  }
  t.Release("k", "holder");
  t.Last<Granted>(calls[0]);
  for (std::size_t i = 1; i < calls.size(); ++i) ASSERT_THAT(t.All(calls[i]), SizeIs(1));
}

}  // namespace
}  // namespace holdfast
