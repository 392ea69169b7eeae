// The lease table: many leases that are renewed by one message.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lease_table_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Duration kExpire = 30s;

class LeaseTableRenewingAllTest : public LeaseTableTest {
 protected:
  struct Held {
    ClaimId claim = 0;
    std::shared_ptr<LeaseCore> lease;
    MonotonicTime deadline{};  // As it was granted.
  };

  LeaseTableRenewingAllTest() { world_.transport.renews_all = true; }

  Held Hold(const AcquireSpec& spec) {
    spec_ = spec;
    Start(5s);
    wait(waits() - 1).SayGranted(waits());
    return {
        .claim = claim_, .lease = result_->value(), .deadline = result_->value()->times().deadline};
  }
  Held HoldRenewed(Duration expire = kExpire) {
    return Hold({.key = "renewed", .expire = expire, .auto_renew = true});
  }

  void ReleaseOf(const Held& held) {
    world_.InTask([&] { leases_.Release(held.claim, 10s, nullptr); });
  }

  auto& renewals_of_all() { return world_.transport.renewals_of_all; }
  std::size_t renewed_together() { return renewals_of_all().size(); }

  // When the first of the leases that were granted just now is due.
  void AdvanceUntilDue() { AdvanceTo(now() + kExpire / 2); }
};

TEST_F(LeaseTableRenewingAllTest, OneMessageRenewsThemAll) {
  const Held first = HoldRenewed();
  const Held second = HoldRenewed();
  AdvanceUntilDue();
  ASSERT_EQ(renewed_together(), 1U);
  EXPECT_THAT(renewals(), IsEmpty());
  renewals_of_all()[0].answer(2);
  EXPECT_GT(first.lease->times().deadline, first.deadline);
  EXPECT_GT(second.lease->times().deadline, second.deadline);
  // Over a long time: three or four for each length of a lease, however many leases.
  for (int i = 0; i < 100; ++i) {
    Advance(3s);
    if (renewals_of_all().back().answer) {
      std::exchange(renewals_of_all().back().answer, nullptr)(2);
    }
  }
  EXPECT_GE(renewed_together(), 28U);
  EXPECT_LE(renewed_together(), 42U);
  EXPECT_THAT(renewals(), IsEmpty());
  EXPECT_THAT(signalled_, IsEmpty());
}

TEST_F(LeaseTableRenewingAllTest, DeadlinesCountFromWhenTheMessageWasSent) {
  const Held first = HoldRenewed();
  const Held second = HoldRenewed(2 * kExpire);
  AdvanceTo(first.lease->times().lost_at - kExpire * 2 / 3);
  ASSERT_EQ(renewed_together(), 1U);
  const MonotonicTime sent = now();
  Advance(1s);
  renewals_of_all()[0].answer(2);
  EXPECT_EQ(first.lease->times(), ComputeLeaseTimes(sent, Duration::zero(), kExpire));
  EXPECT_EQ(second.lease->times(), ComputeLeaseTimes(sent, Duration::zero(), 2 * kExpire));
}

TEST_F(LeaseTableRenewingAllTest, ALeaseThatNobodyWantsRenewedStopsIt) {
  HoldRenewed();
  HoldRenewed();
  const Held other = Hold({.key = "other", .expire = 60s});
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 0U);
  EXPECT_EQ(renewals().size(), 2U);
  // Once it has been given back there is nothing in the way.
  ReleaseOf(other);
  for (auto& call : renewals()) {
    call.answer(Grant{.fencing_token = 1, .remaining = kExpire, .elapsed = 0s});
  }
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
}

TEST_F(LeaseTableRenewingAllTest, ALeaseThatDoesNotExpireIsNotConcerned) {
  HoldRenewed();
  HoldRenewed();
  Hold({.key = "endless", .expire = std::nullopt});
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
}

TEST_F(LeaseTableRenewingAllTest, ALeaseThatIsLostToItsDeadlineLeavesTheOthers) {
  const Held other = Hold({.key = "other", .expire = 5s});
  HoldRenewed();
  HoldRenewed();
  AdvanceTo(other.lease->times().lost_at - 1ns);
  EXPECT_THAT(world_.transport.detached, IsEmpty());
  Advance(1ns);
  EXPECT_THAT(world_.transport.detached, ElementsAre(other.lease->facts().lease_id));
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
}

TEST_F(LeaseTableRenewingAllTest, ALeaseThatTheServerHasEndedNeedNotLeave) {
  const Held other = HoldRenewed();
  world_.InTask(
      [&] { world_.transport.say_lease_ended(other.lease->facts().lease_id, LeaseEnded()); });
  EXPECT_THAT(signalled_, testing::SizeIs(1));
  EXPECT_THAT(world_.transport.detached, IsEmpty());
}

// It may be held there still, until the release arrives.
TEST_F(LeaseTableRenewingAllTest, AReleaseThatWaitsToBeSentAgainStopsIt) {
  HoldRenewed();
  HoldRenewed();
  const Held released = HoldRenewed();
  AdvanceTo(released.lease->times().lost_at - kExpire * 2 / 3 - 1ms);
  ReleaseOf(released);
  releases().at(0).answer(Broken());
  Advance(2ms);
  EXPECT_EQ(renewed_together(), 0U);
  EXPECT_EQ(renewals().size(), 2U);
}

// What is sent later arrives later.
TEST_F(LeaseTableRenewingAllTest, AReleaseThatIsUnderWayDoesNot) {
  HoldRenewed();
  HoldRenewed();
  ReleaseOf(HoldRenewed());
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
}

TEST_F(LeaseTableRenewingAllTest, AReleaseThatIsGivenUpLeavesTheLeaseToItself) {
  const Held released = Hold({.key = "k", .expire = 5s});
  world_.transport.answer_releases = Broken();
  ReleaseOf(released);
  Advance(9s);
  EXPECT_THAT(world_.transport.detached, IsEmpty());
  Advance(2s);
  EXPECT_THAT(world_.transport.detached, ElementsAre(released.lease->facts().lease_id));
}

TEST_F(LeaseTableRenewingAllTest, IfItFailsThoseThatAreDueAreRenewedOneByOne) {
  const Held first = HoldRenewed();
  Advance(1s);
  const Held second = HoldRenewed();
  AdvanceTo(first.lease->times().lost_at - kExpire * 2 / 3);
  ASSERT_EQ(renewed_together(), 1U);
  renewals_of_all()[0].answer(Broken());
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_EQ(renewals()[0].lease_id, first.lease->facts().lease_id);
  EXPECT_EQ(first.lease->state(), LeaseState::kUncertain);
  EXPECT_EQ(second.lease->state(), LeaseState::kHeld);
  EXPECT_EQ(second.lease->times().deadline, second.deadline);
}

// Both are due when it ends, and neither is renewed twice.
TEST_F(LeaseTableRenewingAllTest, WhatComesDueMeanwhileWaitsForIt) {
  HoldRenewed();
  HoldRenewed();
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
  EXPECT_THAT(renewals(), IsEmpty());
  renewals_of_all()[0].answer(Broken());
  EXPECT_EQ(renewals().size(), 2U);
}

TEST_F(LeaseTableRenewingAllTest, ItIsWaitedForNoLongerThanTheShortestLeaseAllows) {
  HoldRenewed(6s);
  HoldRenewed(60s);
  Advance(3s);
  ASSERT_EQ(renewed_together(), 1U);
  EXPECT_EQ(renewals_of_all()[0].limit, 1s);
}

TEST_F(LeaseTableRenewingAllTest, ALeaseOfLaterDoesNotCountOnIt) {
  HoldRenewed();
  HoldRenewed();
  AdvanceUntilDue();
  const Held later = HoldRenewed(3s);
  Advance(1500ms);
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_EQ(renewals()[0].lease_id, later.lease->facts().lease_id);
  renewals_of_all()[0].answer(3);
  EXPECT_EQ(later.lease->times().deadline, later.deadline);
}

// The server does not think of the same leases: better to ask about each.
TEST_F(LeaseTableRenewingAllTest, IfTheServerCountsFewerItHasFailed) {
  const Held first = HoldRenewed();
  HoldRenewed();
  AdvanceUntilDue();
  renewals_of_all()[0].answer(1);
  EXPECT_EQ(first.lease->times().deadline, first.deadline);
  EXPECT_EQ(renewals().size(), 2U);
}

TEST_F(LeaseTableRenewingAllTest, LeasesThatEndedMeanwhileAreNotMissed) {
  const Held first = HoldRenewed();
  const Held forced = HoldRenewed();
  const Held released = HoldRenewed();
  AdvanceUntilDue();
  world_.InTask(
      [&] { world_.transport.say_lease_ended(forced.lease->facts().lease_id, LeaseEnded()); });
  ReleaseOf(released);
  renewals_of_all()[0].answer(1);
  EXPECT_GT(first.lease->times().deadline, first.deadline);
  EXPECT_EQ(forced.lease->state(), LeaseState::kLost);
  EXPECT_THAT(renewals(), IsEmpty());
}

// Only the server knows how much is left of it.
TEST_F(LeaseTableRenewingAllTest, ALeaseWithALongestHoldIsRenewedByItself) {
  const Held limited = Hold({.key = "k", .expire = kExpire, .max_hold = 60s, .auto_renew = true});
  HoldRenewed();
  HoldRenewed();
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 1U);
  ASSERT_EQ(renewals().size(), 1U);
  EXPECT_EQ(renewals()[0].lease_id, limited.lease->facts().lease_id);
  renewals_of_all()[0].answer(3);
  EXPECT_EQ(limited.lease->times().deadline, limited.deadline);
}

TEST_F(LeaseTableRenewingAllTest, ATransportThatCannotIsAskedOnce) {
  world_.transport.renews_all = false;
  const Held first = HoldRenewed();
  HoldRenewed();
  AdvanceUntilDue();
  EXPECT_EQ(renewals().size(), 2U);
  EXPECT_EQ(first.lease->state(), LeaseState::kHeld) << "nothing has gone wrong";
  world_.transport.renews_all = true;
  for (auto& call : renewals()) {
    call.answer(Grant{.fencing_token = 1, .remaining = kExpire, .elapsed = 0s});
  }
  AdvanceUntilDue();
  EXPECT_EQ(renewed_together(), 0U);
}

TEST_F(LeaseTableRenewingAllTest, AnAnswerThatComesTooLateIsALoss) {
  const Held first = HoldRenewed();
  HoldRenewed();
  AdvanceTo(first.lease->times().lost_at - kExpire * 2 / 3);
  ASSERT_EQ(renewed_together(), 1U);
  Advance(2 * kExpire);
  EXPECT_EQ(signalled_.size(), 2U);
  renewals_of_all()[0].answer(2);
  EXPECT_EQ(first.lease->state(), LeaseState::kLost);
}

}  // namespace
}  // namespace holdfast::core
