// With whose name a lease and a place in the queue are kept.

#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/principal.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using ::testing::SizeIs;

const Principal& Billing() {
  static const Principal& billing = *new Principal("billing");
  return billing;
}

const Principal& Uid() {
  static const Principal& uid = *new Principal("uid:1000");
  return uid;
}

TEST(LockTablePrincipalTest, ALeaseIsKeptWithItsCaller) {
  TableDriver t;
  const CallId call = t.Acquire("k", "a", {.principal = Billing()});
  EXPECT_EQ(t.Last<Granted>(call).lease.lease.principal, Billing());
  ASSERT_FALSE(t.changes().empty());
  EXPECT_EQ(std::get<PutLease>(t.changes().back()).lease.principal, Billing());
  EXPECT_EQ(t.Get("k").holders.at(0).principal, Billing());
  const Refused refused = t.Last<Refused>(t.Acquire("k", "b", {.principal = Uid()}));
  EXPECT_EQ(refused.holder->principal, Billing()) << "who is in the way, not who asks";
}

TEST(LockTablePrincipalTest, AWaitersCallerComesWithItIntoTheLease) {
  TableDriver t;
  t.Acquire("k", "a", {.principal = Billing()});
  const CallId waits = t.Acquire("k", "b", {.timeout = kNoTimeout, .principal = Uid()});
  const LockView lock = t.Get("k");
  ASSERT_THAT(lock.waiters, SizeIs(1));
  EXPECT_EQ(lock.waiters[0].principal, Uid());
  t.Release("k", "a");
  EXPECT_EQ(t.Last<Granted>(waits).lease.lease.principal, Uid());
  EXPECT_EQ(t.Get("k").holders.at(0).principal, Uid());
}

TEST(LockTablePrincipalTest, WhoSendsTheRequestAgainIsServedAndChangesNothing) {
  TableDriver t;
  t.Acquire("k", "a", {.principal = Billing()});
  EXPECT_EQ(t.Last<Granted>(t.Acquire("k", "a", {.principal = Uid()})).lease.lease.principal,
            Billing());
  t.Acquire("k", "b", {.timeout = kNoTimeout, .principal = Billing()});
  t.Acquire("k", "b", {.timeout = kNoTimeout, .principal = Uid()});
  EXPECT_EQ(t.Get("k").waiters.at(0).principal, Billing());
}

TEST(LockTablePrincipalTest, ARenewalKeepsIt) {
  TableDriver t;
  t.Acquire("k", "a", {.expire = std::chrono::seconds(5), .principal = Billing()});
  t.Renew("k", "a", std::chrono::seconds(9));
  ASSERT_FALSE(t.changes().empty());
  EXPECT_EQ(std::get<PutLease>(t.changes().back()).lease.principal, Billing());
}

TEST(LockTablePrincipalTest, ARestoredLeaseStillHasIt) {
  TableDriver t;
  t.table().RestoreTokens(100);
  LeaseRecord record{.spec = {.key = "k", .lease_id = "a"}, .fencing_token = 7};
  LeaseRecord older{.spec = {.key = "l", .lease_id = "b"}, .fencing_token = 8};
  record.principal = Billing();
  ASSERT_TRUE(t.table().RestoreLease(record, t.now()).ok());
  ASSERT_TRUE(t.table().RestoreLease(older, t.now()).ok());
  EXPECT_EQ(t.Get("k").holders.at(0).principal, Billing());
  EXPECT_FALSE(t.Get("l").holders.at(0).principal.known());
}

TEST(LockTablePrincipalTest, EveryEventTellsTheHolders) {
  TableDriver t;
  t.Acquire("a", "1", {.principal = Billing()});
  const CallId watch = t.Watch({});
  EXPECT_EQ(t.Last<Watched>(watch).events.front()->principal, Billing());
  t.Acquire("b", "2", {.principal = Uid()});
  EXPECT_EQ(t.Last<Watched>(watch).events.front()->principal, Uid());
  t.ForceRelease("a");
  EXPECT_EQ(t.Last<Watched>(watch).events.front()->principal, Billing());
}

}  // namespace
}  // namespace holdfast
