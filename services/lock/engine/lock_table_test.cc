// Acquire, release and renew, one caller at a time.

#include "services/lock/engine/lock_table.h"

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::VariantWith;

TEST(LockTableTest, AFreeLockIsGrantedWithWhatWasAskedFor) {
  TableDriver t;
  const CallId call =
      t.Acquire("k", "a", {.expire = seconds(10), .owner = "me", .tags = {"blue", "red"}});
  const LeaseView lease = t.Last<Granted>(call).lease;
  EXPECT_EQ(lease.lease.spec.key, "k");
  EXPECT_EQ(lease.lease.spec.lease_id, "a");
  EXPECT_EQ(lease.lease.spec.owner, "me");
  EXPECT_THAT(lease.lease.spec.tags, ElementsAre("blue", "red"));
  EXPECT_EQ(lease.lease.granted_at, t.now().wall);
  EXPECT_GT(lease.lease.fencing_token, 0u);
  EXPECT_EQ(lease.remaining, seconds(10));
  EXPECT_EQ(lease.elapsed, Duration::zero());
}

TEST(LockTableTest, AGrantIsWrittenTogetherWithItsTokenReservation) {
  TableDriver t;
  const std::uint64_t token = t.TokenOf(t.Try("k", "a"));
  ASSERT_THAT(t.changes(), ElementsAre(VariantWith<ReserveTokens>(_), VariantWith<PutLease>(_)));
  EXPECT_GE(std::get<ReserveTokens>(t.changes()[0]).through, token);
  EXPECT_EQ(std::get<PutLease>(t.changes()[1]).lease.fencing_token, token);
}

TEST(LockTableTest, ATryOnAHeldLockIsRefusedAndSaysWhoIsInTheWay) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10), .owner = "holder"});
  t.Advance(seconds(4));
  const Refused refused = t.Last<Refused>(t.Try("k", "b"));
  EXPECT_EQ(refused.reason, Refusal::kLockHeld);
  ASSERT_TRUE(refused.holder.has_value());
  EXPECT_EQ(refused.holder->owner, "holder");
  EXPECT_EQ(refused.holder->remaining, seconds(6));
  EXPECT_EQ(refused.holder->held_for, seconds(4));
}

TEST(LockTableTest, ARefusedTryLeavesItsIdUnused) {
  TableDriver t;
  t.Try("k", "a");
  t.Try("k", "b");
  t.Release("k", "a");
  t.Last<Granted>(t.Try("k", "b"));
}

TEST(LockTableTest, KeysDoNotHinderEachOther) {
  TableDriver t;
  t.Last<Granted>(t.Try("k1", "a"));
  t.Last<Granted>(t.Try("k2", "b"));
}

TEST(LockTableTest, AReleasedLockIsFreeAndItsTokenNeverComesBack) {
  TableDriver t;
  const std::uint64_t first = t.TokenOf(t.Try("k", "a"));
  t.Last<Released>(t.Release("k", "a"));
  EXPECT_THAT(t.changes(), ElementsAre(VariantWith<PutEnded>(_)));
  EXPECT_GT(t.TokenOf(t.Try("k", "b")), first);
}

TEST(LockTableTest, ATokenIsLargerThanThoseOfOtherKeysToo) {
  TableDriver t;
  std::uint64_t last = 0;
  // More than one block of tokens.
  for (int i = 0; i < 3'000; ++i) {
    const std::string name = std::to_string(i);
    const std::uint64_t token = t.TokenOf(t.Try(name, "id" + name));
    ASSERT_GT(token, last);
    last = token;
  }
}

TEST(LockTableTest, ReleasingTwiceIsTheSameAsOnce) {
  TableDriver t;
  t.Try("k", "a");
  t.Last<Released>(t.Release("k", "a"));
  t.Last<Released>(t.Release("k", "a"));
  EXPECT_THAT(t.changes(), SizeIs(0));
}

TEST(LockTableTest, AStaleHolderCannotReleaseItsSuccessor) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1)});
  t.Advance(seconds(1));
  const CallId successor = t.Try("k", "b");
  t.Last<Granted>(successor);
  EXPECT_EQ(t.RefusalOf(t.Release("k", "a")), Refusal::kLeaseExpired);
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableTest, AReleaseForTheWrongKeyDoesNothing) {
  TableDriver t;
  t.Try("k", "a");
  const Refused refused = t.Last<Refused>(t.Release("other", "a"));
  EXPECT_EQ(refused.reason, Refusal::kLeaseMismatch);
  EXPECT_EQ(refused.name, "key");
  EXPECT_THAT(t.Get("k").holders, SizeIs(1));
}

TEST(LockTableTest, AReleaseThatOvertakesItsAcquireWins) {
  TableDriver t;
  EXPECT_EQ(t.RefusalOf(t.Release("k", "a")), Refusal::kLeaseNotFound);
  const Refused refused = t.Last<Refused>(t.Try("k", "a"));
  EXPECT_EQ(refused.reason, Refusal::kLeaseEnded);
  EXPECT_EQ(refused.ended_by, EndCause::kReleased);
  EXPECT_TRUE(t.Get("k").holders.empty());
}

TEST(LockTableTest, TheSameIdAgainIsTheSameLease) {
  TableDriver t;
  const CallId first = t.Acquire("k", "a", {.expire = seconds(10)});
  t.Advance(seconds(3));
  const CallId second = t.Acquire("k", "a", {.expire = seconds(10), .timeout = seconds(5)});
  EXPECT_EQ(t.TokenOf(second), t.TokenOf(first));
  // It is not a renewal: the holder must not believe that it has more time.
  EXPECT_EQ(t.Last<Granted>(second).lease.remaining, seconds(7));
  EXPECT_THAT(t.changes(), SizeIs(0));
}

TEST(LockTableTest, TheSameIdWithOtherParametersIsRefusedAndNamesTheField) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10), .owner = "me", .tags = {"x"}});
  struct Case {
    std::string field;
    std::string key;
    TableDriver::AcquireOptions options;
  };
  const Case cases[] = {
      {"key", "other", {.expire = seconds(10), .owner = "me", .tags = {"x"}}},
      {"expire", "k", {.expire = seconds(11), .owner = "me", .tags = {"x"}}},
      {"expire", "k", {.owner = "me", .tags = {"x"}}},
      {"tags", "k", {.expire = seconds(10), .owner = "me", .tags = {"x", "y"}}},
      {"owner", "k", {.expire = seconds(10), .owner = "you", .tags = {"x"}}},
  };
  for (const Case& c : cases) {
    const Refused refused = t.Last<Refused>(t.Acquire(c.key, "a", c.options));
    EXPECT_EQ(refused.reason, Refusal::kLeaseMismatch);
    EXPECT_EQ(refused.name, c.field);
  }
}

TEST(LockTableTest, AnEndedIdIsNeverGrantedAgain) {
  TableDriver t;
  t.Try("k", "a");
  t.Release("k", "a");
  EXPECT_EQ(t.RefusalOf(t.Try("k", "a")), Refusal::kLeaseEnded);
  t.Acquire("k", "b", {.expire = seconds(1)});
  t.Advance(seconds(1));
  const Refused refused = t.Last<Refused>(t.Acquire("k", "b", {.expire = seconds(1)}));
  EXPECT_EQ(refused.reason, Refusal::kLeaseEnded);
  EXPECT_EQ(refused.ended_by, EndCause::kExpired);
}

TEST(LockTableTest, ALeaseLapsesAtItsExpireAndNotBefore) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Advance(seconds(10) - Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Advance(Duration(1));
  t.Last<Granted>(t.Try("k", "b"));
}

TEST(LockTableTest, ALeaseWithoutExpireStays) {
  TableDriver t;
  t.Try("k", "a");
  t.Advance(std::chrono::hours(24 * 366));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
}

TEST(LockTableTest, ARenewalBeginsTheExpireAnewAndWritesNothing) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Advance(seconds(9));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a")).lease.remaining, seconds(10));
  EXPECT_THAT(t.changes(), SizeIs(0));
  t.Advance(seconds(10) - Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Advance(Duration(1));
  t.Last<Granted>(t.Try("k", "b"));
}

TEST(LockTableTest, ARenewalWithALongerExpireIsWritten) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(2)});
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a", seconds(3))).lease.remaining, seconds(3));
  ASSERT_THAT(t.changes(), ElementsAre(VariantWith<PutLease>(_)));
  EXPECT_EQ(std::get<PutLease>(t.changes()[0]).lease.spec.expire, seconds(3));
  t.Advance(seconds(3) - Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Advance(Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Renew("k", "a")), Refusal::kLeaseExpired);
}

TEST(LockTableTest, ARenewalNeverBringsTheEndForward) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Advance(seconds(1));
  const LeaseView renewed = t.Last<Renewed>(t.Renew("k", "a", seconds(3))).lease;
  EXPECT_EQ(renewed.lease.spec.expire, seconds(10)) << "what holds, not what was asked for";
  EXPECT_EQ(renewed.remaining, seconds(9));
  EXPECT_THAT(t.changes(), SizeIs(0)) << "a restart must give what was promised";
  t.Advance(seconds(9) - Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Advance(Duration(1));
  t.Last<Granted>(t.Try("k", "b"));
}

TEST(LockTableTest, AShorterExpireHoldsFromWhenItEndsLater) {
  for (const Duration early : {Duration(0), Duration(1)}) {
    TableDriver t;
    t.Acquire("k", "a", {.expire = seconds(10)});
    t.Advance(seconds(7) - early);
    const LeaseView renewed = t.Last<Renewed>(t.Renew("k", "a", seconds(3))).lease;
    EXPECT_EQ(renewed.remaining, seconds(3) + early);
    EXPECT_EQ(renewed.lease.spec.expire, early > Duration(0) ? seconds(10) : seconds(3));
    EXPECT_THAT(t.changes(), SizeIs(early > Duration(0) ? 0 : 1));
    t.Advance(seconds(3) + early - Duration(1));
    EXPECT_EQ(t.table().stats().leases, 1u);
    t.Advance(Duration(1));
    EXPECT_EQ(t.table().stats().leases, 0u);
  }
}

TEST(LockTableTest, ALateShorterRenewalDoesNotSetTheExpireOfLaterOnes) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Renew("k", "a", seconds(20));
  t.Renew("k", "a", seconds(5));
  t.Advance(seconds(1));
  EXPECT_EQ(t.Last<Renewed>(t.Renew("k", "a")).lease.remaining, seconds(20));
}

TEST(LockTableTest, ALeaseWithoutExpireKeepsNone) {
  TableDriver t;
  t.Try("k", "a");
  const LeaseView renewed = t.Last<Renewed>(t.Renew("k", "a", seconds(3))).lease;
  EXPECT_EQ(renewed.lease.spec.expire, std::nullopt);
  EXPECT_EQ(renewed.remaining, std::nullopt);
  EXPECT_THAT(t.changes(), SizeIs(0));
  EXPECT_EQ(t.table().stats().timers, 0u);
  t.Last<Granted>(t.Try("k", "a"));
}

TEST(LockTableTest, AnAcquireThatIsSentAgainAfterSuchARenewalIsStillTheSame) {
  TableDriver t;
  const std::uint64_t token = t.TokenOf(t.Acquire("k", "a", {.expire = seconds(10)}));
  t.Renew("k", "a", seconds(20));
  t.Advance(seconds(1));
  const LeaseView again = t.Last<Granted>(t.Acquire("k", "a", {.expire = seconds(10)})).lease;
  EXPECT_EQ(again.lease.fencing_token, token);
  EXPECT_EQ(again.lease.spec.expire, seconds(20)) << "as the lease is now";
  EXPECT_EQ(again.remaining, seconds(19));
  const Refused refused = t.Last<Refused>(t.Acquire("k", "a", {.expire = seconds(20)}));
  EXPECT_EQ(refused.reason, Refusal::kLeaseMismatch) << "it never asked for that";
  EXPECT_EQ(refused.name, "expire");
}

TEST(LockTableTest, WhatWasAskedForAtFirstOutlivesManyRenewals) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Renew("k", "a", seconds(20));
  t.Renew("k", "a", seconds(30));
  t.Last<Granted>(t.Acquire("k", "a", {.expire = seconds(10)}));
  EXPECT_EQ(t.RefusalOf(t.Acquire("k", "a", {.expire = seconds(30)})), Refusal::kLeaseMismatch);

  t.Acquire("k2", "b", {.expire = seconds(10)});
  t.Renew("k2", "b", seconds(20));
  t.Advance(seconds(10));
  t.Renew("k2", "b", seconds(10));
  ASSERT_THAT(t.changes(), ElementsAre(VariantWith<PutLease>(_)));
  EXPECT_EQ(std::get<PutLease>(t.changes()[0]).lease.asked, std::nullopt) << "as it was";
  t.Last<Granted>(t.Acquire("k2", "b", {.expire = seconds(10)}));
}

TEST(LockTableTest, WhatIsNotHeldCannotBeRenewed) {
  TableDriver t;
  EXPECT_EQ(t.RefusalOf(t.Renew("k", "nobody")), Refusal::kLeaseNotFound);
  t.Try("k", "a");
  t.Queue("k", "b");
  EXPECT_EQ(t.RefusalOf(t.Renew("k", "b")), Refusal::kLeaseWaiting);
  EXPECT_EQ(t.RefusalOf(t.Renew("other", "a")), Refusal::kLeaseMismatch);
  t.Release("k", "a");
  const Refused refused = t.Last<Refused>(t.Renew("k", "a"));
  EXPECT_EQ(refused.reason, Refusal::kLeaseEnded);
  EXPECT_EQ(refused.ended_by, EndCause::kReleased);
}

TEST(LockTableTest, NothingIsLeftOfAReleasedLock) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(10)});
  t.Release("k", "a");
  const TableStats stats = t.table().stats();
  EXPECT_EQ(stats.locks, 0u);
  EXPECT_EQ(stats.leases, 0u);
  EXPECT_EQ(stats.timers, 0u);
  EXPECT_EQ(stats.ended_ids, 1u);
}

TEST(LockTableTest, LeasesAreLimited) {
  TableDriver t(Limits{.max_leases = 2});
  t.Try("k1", "a");
  t.Last<Granted>(t.Try("k2", "b"));
  const Refused refused = t.Last<Refused>(t.Try("k3", "c"));
  EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
  EXPECT_EQ(refused.name, "max_leases");
  t.Release("k1", "a");
  t.Last<Granted>(t.Try("k3", "c"));
}

TEST(LockTableTest, AMillionLeasesThatEndTogetherDoNotEndInOneBatch) {
  TableDriver t;
  const int count = LockTable::kTimersAtOnce + 10;
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    t.Acquire(name, "id" + name, {.expire = seconds(1)});
  }
  t.Advance(Duration::zero());
  t.Advance(seconds(1));
  EXPECT_EQ(t.table().stats().leases, 10u);
  EXPECT_LE(t.table().NextSilenceTimer(), t.now().monotonic);
  t.Advance(Duration::zero());
  EXPECT_EQ(t.table().stats().leases, 0u);
}

TEST(LockTableTest, WhileSilenceIsExcusedNothingLapses) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = seconds(1)});
  t.Advance(seconds(5), LockTable::Expiry::kSuspended);
  t.Last<Renewed>(t.Renew("k", "a"));
  t.Advance(seconds(1) - Duration(1));
  EXPECT_EQ(t.table().stats().leases, 1u);
}

}  // namespace
}  // namespace holdfast
