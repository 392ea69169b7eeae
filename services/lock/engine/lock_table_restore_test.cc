// What a restarted server takes up.

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::seconds;

LeaseRecord Record(std::string key, std::string lease_id, std::uint64_t token) {
  return {.spec = {.key = std::move(key),
                   .lease_id = std::move(lease_id),
                   .owner = "owner",
                   .tags = {"x"},
                   .expire = seconds(10)},
          .fencing_token = token,
          .granted_at = WallTime{1'699'999'995'000'000'000}};
}

TEST(LockTableRestoreTest, ARestoredLeaseHasItsFullExpireAgain) {
  TableDriver t;
  t.table().RestoreTokens(100);
  ASSERT_TRUE(t.table().RestoreLease(Record("k", "a", 42), t.now()).ok());
  ASSERT_TRUE(t.table().FinishRestore().ok());
  const LockView lock = t.Get("k");
  ASSERT_EQ(lock.holders.size(), 1u);
  EXPECT_EQ(lock.holders[0].remaining, seconds(10));
  EXPECT_EQ(lock.holders[0].held_for, seconds(5)) << "by the wall clock, across the restart";
  t.Advance(seconds(10) - Duration(1));
  EXPECT_EQ(t.RefusalOf(t.Try("k", "b")), Refusal::kLockHeld);
  t.Advance(Duration(1));
  t.Last<Granted>(t.Try("k", "b"));
}

TEST(LockTableRestoreTest, AStoredTimeOfTheGrantMayBeAnything) {
  TableDriver t;
  t.table().RestoreTokens(100);
  LeaseRecord long_ago = Record("k1", "a", 42);
  long_ago.granted_at = WallTime{std::numeric_limits<std::int64_t>::min()};
  LeaseRecord to_come = Record("k2", "b", 43);
  to_come.granted_at = WallTime{std::numeric_limits<std::int64_t>::max()};
  ASSERT_TRUE(t.table().RestoreLease(long_ago, t.now()).ok());
  ASSERT_TRUE(t.table().RestoreLease(to_come, t.now()).ok());
  EXPECT_EQ(t.Get("k1").holders.at(0).held_for, Duration::max());
  EXPECT_EQ(t.Get("k2").holders.at(0).held_for, Duration::zero());
}

TEST(LockTableRestoreTest, ItsHolderCanAcquireItAgain) {
  TableDriver t;
  t.table().RestoreTokens(100);
  ASSERT_TRUE(t.table().RestoreLease(Record("k", "a", 42), t.now()).ok());
  EXPECT_EQ(t.TokenOf(t.Acquire("k", "a", {.expire = seconds(10), .tags = {"x"}})), 42u);
}

TEST(LockTableRestoreTest, AlsoIfItHadRenewedItWithAnotherExpire) {
  TableDriver t;
  LeaseRecord record = Record("k", "a", 42);
  record.ChangeExpire(seconds(20));
  t.table().RestoreTokens(100);
  ASSERT_TRUE(t.table().RestoreLease(record, t.now()).ok());
  const CallId again = t.Acquire("k", "a", {.expire = seconds(10), .tags = {"x"}});
  EXPECT_EQ(t.Last<Granted>(again).lease.remaining, seconds(20));
  EXPECT_EQ(t.RefusalOf(t.Acquire("k", "a", {.expire = seconds(20), .tags = {"x"}})),
            Refusal::kLeaseMismatch);
}

TEST(LockTableRestoreTest, ARepeatedAnswerThatDoesNotArriveTakesItFromNobody) {
  TableDriver t;
  t.table().RestoreTokens(100);
  ASSERT_TRUE(t.table().RestoreLease(Record("k", "a", 42), t.now()).ok());
  t.ReportUndelivered(t.Acquire("k", "a", {.expire = seconds(10), .tags = {"x"}}));
  t.Advance(seconds(9));  // Longer than an undelivered grant is kept.
  EXPECT_EQ(t.Get("k").holders.size(), 1u);
}

TEST(LockTableRestoreTest, TokensGoOnAboveTheReservation) {
  TableDriver t;
  t.table().RestoreTokens(1'000);
  EXPECT_GT(t.TokenOf(t.Try("k", "a")), 1'000u);
}

TEST(LockTableRestoreTest, EndedIdsAreStillRefused) {
  TableDriver t;
  ASSERT_TRUE(t.table().RestoreEnded("a", EndCause::kExpired, t.now()).ok());
  EXPECT_EQ(t.RefusalOf(t.Try("k", "a")), Refusal::kLeaseEnded);
  EXPECT_EQ(t.RefusalOf(t.Release("k", "a")), Refusal::kLeaseExpired);
}

TEST(LockTableRestoreTest, RecordsThatContradictEachOtherAreRefused) {
  TableDriver t;
  t.table().RestoreTokens(100);
  ASSERT_TRUE(t.table().RestoreLease(Record("k", "a", 1), t.now()).ok());
  EXPECT_EQ(t.table().RestoreLease(Record("k", "b", 2), t.now()).code(),
            absl::StatusCode::kDataLoss)
      << "two holders";
  EXPECT_EQ(t.table().RestoreLease(Record("k2", "a", 2), t.now()).code(),
            absl::StatusCode::kDataLoss)
      << "one id twice";
  EXPECT_EQ(t.table().RestoreEnded("a", EndCause::kReleased, t.now()).code(),
            absl::StatusCode::kDataLoss)
      << "held and ended";
  ASSERT_TRUE(t.table().RestoreEnded("c", EndCause::kReleased, t.now()).ok());
  EXPECT_EQ(t.table().RestoreEnded("c", EndCause::kReleased, t.now()).code(),
            absl::StatusCode::kDataLoss)
      << "ended twice";
  EXPECT_EQ(t.table().RestoreLease(Record("k3", "c", 3), t.now()),
            absl::DataLossError("the lease on k3 is stored both held and ended"));
}

TEST(LockTableRestoreTest, ATokenAboveTheHighWaterMarkIsRefused) {
  TableDriver t;
  t.table().RestoreTokens(41);
  ASSERT_TRUE(t.table().RestoreLease(Record("k", "a", 42), t.now()).ok());
  EXPECT_EQ(t.table().FinishRestore(),
            absl::DataLossError("the lease on k has the token 42, above the stored high-water "
                                "mark 41"));
}

}  // namespace
}  // namespace holdfast
