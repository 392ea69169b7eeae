// Sessions: who owns one, and which leases are in it.

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

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr Duration kWindow = Limits{}.reattach_window;
constexpr Duration kTick{1};

// --- Streams ---------------------------------------------------------------------------

TEST(LockTableSessionsTest, AStreamIsAnsweredWhenItsListIsComplete) {
  TableDriver t;
  const CallId stream = t.Attach("s", {.more = true});
  EXPECT_THAT(t.All(stream), IsEmpty());
  t.AttachPage(stream, {}, /*more=*/true);
  EXPECT_THAT(t.All(stream), IsEmpty());
  t.AttachPage(stream, {});
  EXPECT_FALSE(t.Last<Attached>(stream).resumed);
  EXPECT_FALSE(t.Answered(stream));
}

TEST(LockTableSessionsTest, ANewerStreamTakesTheSessionOver) {
  TableDriver t;
  const CallId first = t.Attach("s");
  const CallId second = t.Attach("s", {.number = 2});
  EXPECT_EQ(t.RefusalOf(first), Refusal::kSessionReplaced);
  EXPECT_TRUE(t.Last<Attached>(second).resumed);
  EXPECT_EQ(t.RefusalOf(t.Acquire("k", "late", {.stream = first})), Refusal::kSessionReplaced);
  EXPECT_FALSE(t.IsHeld("k")) << "of the older one nothing is carried out any more";
  EXPECT_EQ(t.table().stats().streams, 1u);
}

TEST(LockTableSessionsTest, AStreamThatWasGivenUpAndArrivesLateTakesNothingOver) {
  TableDriver t;
  const CallId newer = t.Attach("s", {.number = 2});
  t.Acquire("k", "a", {.stream = newer});
  EXPECT_EQ(t.RefusalOf(t.Attach("s", {.number = 1})), Refusal::kSessionReplaced);
  EXPECT_EQ(t.RefusalOf(t.Attach("s", {.number = 2})), Refusal::kSessionReplaced);
  EXPECT_FALSE(t.Answered(newer));
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k")) << "its list does not count either";
  t.EndStream(newer, /*by_client=*/false);
  EXPECT_EQ(t.RefusalOf(t.Attach("s", {.number = 1})), Refusal::kSessionReplaced);
}

TEST(LockTableSessionsTest, ASessionIsKnownForTheWindowAfterItsStream) {
  TableDriver t;
  t.EndStream(t.Attach("s"), /*by_client=*/true);
  t.Advance(kWindow - kTick);
  const CallId again = t.Attach("s", {.number = 2});
  EXPECT_TRUE(t.Last<Attached>(again).resumed);
  t.EndStream(again, /*by_client=*/true);
  EXPECT_EQ(t.RefusalOf(again), Refusal::kCancelled);
  t.Advance(kWindow);
  EXPECT_EQ(t.table().stats().sessions, 0u);
  EXPECT_FALSE(t.Last<Attached>(t.Attach("s", {.number = 3})).resumed);
}

TEST(LockTableSessionsTest, ThereAreNoMoreSessionsThanTheLimit) {
  TableDriver t(Limits{.max_sessions = 1});
  const CallId one = t.Attach("one");
  const Refused refused = t.Last<Refused>(t.Attach("two"));
  EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
  EXPECT_EQ(refused.name, "max_sessions");
  EXPECT_TRUE(t.Last<Attached>(t.Attach("one", {.number = 2})).resumed) << "it is none more";
  EXPECT_EQ(t.RefusalOf(one), Refusal::kSessionReplaced);
}

TEST(LockTableSessionsTest, AServerThatStopsEndsEveryStreamAndNoLease) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = seconds(10), .bound = true, .stream = stream});
  const CallId waits = t.Acquire("k", "b", {.timeout = kNoTimeout, .stream = stream});
  t.Drain();
  EXPECT_EQ(t.RefusalOf(stream), Refusal::kStopping);
  EXPECT_THAT(t.All(waits), IsEmpty()) << "the stream's end says it";
  t.EndStream(stream, /*by_client=*/true);
  t.Advance(seconds(1));
  EXPECT_EQ(t.table().stats().leases, 1u) << "the server's stop has made the client end its stream";
  EXPECT_EQ(t.RefusalOf(t.Attach("s", {.number = 2})), Refusal::kStopping);
}

// --- Membership ------------------------------------------------------------------------

TEST(LockTableSessionsTest, WhatANewStreamNeitherListsNorAcquiresAgainEnds) {
  TableDriver t;
  const CallId first = t.Attach("s");
  for (const std::string name : {"listed", "acquired", "neither"}) {
    t.Acquire(name, name, {.stream = first});
  }
  t.Acknowledge(first);
  t.Acquire("unary", "unary", {});
  const CallId second =
      t.Attach("s", {.number = 2, .leases = {{"listed", "listed"}}, .more = true});
  t.Acquire("acquired", "acquired", {.stream = second});
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("neither")) << "it may be on a page to come";
  t.AttachPage(second, {});
  t.Advance(kTick);
  EXPECT_TRUE(t.IsHeld("listed"));
  EXPECT_TRUE(t.IsHeld("acquired"));
  EXPECT_TRUE(t.IsHeld("unary")) << "it is not in the session";
  EXPECT_FALSE(t.IsHeld("neither"));
  EXPECT_THAT(t.Gone(second), IsEmpty()) << "its holder does not know of it";
}

TEST(LockTableSessionsTest, ALockThatEndsUnlistedGoesToTheNextWaiter) {
  TableDriver t;
  t.Acquire("k", "a", {.stream = t.Attach("s")});
  const CallId next = t.Queue("k", "b");
  t.Attach("s", {.number = 2});
  t.Advance(kTick);
  EXPECT_TRUE(t.Answered(next));
}

TEST(LockTableSessionsTest, UnlistedLeasesDoNotEndAllAtOnce) {
  TableDriver t;
  const CallId first = t.Attach("s");
  constexpr int kLeases = 2 * LockTable::kUnlistedAtOnce + 1;
  for (int i = 0; i < kLeases; ++i)
    t.Acquire(TableDriver::Numbered("k", i), TableDriver::Numbered("id", i), {.stream = first});
  t.Attach("s", {.number = 2});
  for (const std::size_t left : {LockTable::kUnlistedAtOnce + 1, 1, 0}) {
    EXPECT_TRUE(t.table().NextPromptTimer().has_value() &&
                *t.table().NextPromptTimer() <= t.now().monotonic);
    t.Advance(Duration::zero());
    EXPECT_EQ(t.table().stats().leases, left);
  }
  t.Advance(Duration::zero());
  EXPECT_FALSE(t.table().NextPromptTimer().has_value() &&
               *t.table().NextPromptTimer() <= t.now().monotonic);
}

TEST(LockTableSessionsTest, AThirdStreamMayListWhatTheSecondHadNoTimeToEnd) {
  TableDriver t;
  t.Acquire("k", "a", {.stream = t.Attach("s")});
  t.Attach("s", {.number = 2});
  const CallId third = t.Attach("s", {.number = 3, .more = true});
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
  t.AttachPage(third, {{"k", "a"}});
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
}

TEST(LockTableSessionsTest, WhatIsListedButNotHeldIsReported) {
  TableDriver t;
  t.Try("held", "held");
  t.Queue("held", "waits");
  t.Release("gone", "gone");  // Unknown, and so ended.
  t.Acquire("late", "late", {.expire = milliseconds(1)});
  t.Advance(milliseconds(1));
  t.Try("forced", "forced");
  t.ForceRelease("forced");
  const CallId stream = t.Attach("s", {.leases = {{"held", "held"},
                                                  {"held", "waits"},
                                                  {"other", "held"},
                                                  {"gone", "gone"},
                                                  {"late", "late"},
                                                  {"forced", "forced"},
                                                  {"k", "unknown"}}});
  EXPECT_THAT(
      t.Gone(stream),
      ElementsAre(Pair("waits", Refusal::kLeaseWaiting), Pair("held", Refusal::kLeaseMismatch),
                  Pair("gone", Refusal::kLeaseEnded), Pair("late", Refusal::kLeaseExpired),
                  Pair("forced", Refusal::kLeaseForced), Pair("unknown", Refusal::kLeaseNotFound)));
  t.Last<Attached>(stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
}

TEST(LockTableSessionsTest, AListAdoptsLeasesAfterARestart) {
  TableDriver t;
  ASSERT_TRUE(t.table()
                  .RestoreLease({.spec = {.key = "k", .lease_id = "a", .expire = seconds(2)},
                                 .fencing_token = 7},
                                t.now())
                  .ok());
  const CallId stream = t.Attach("s", {.leases = {{"k", "a"}}});
  EXPECT_FALSE(t.Last<Attached>(stream).resumed);
  t.Advance(seconds(1));
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
  t.Advance(seconds(2) - kTick);
  EXPECT_TRUE(t.IsHeld("k"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableSessionsTest, AForgottenSessionForgetsNoLease) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = minutes(1), .stream = stream});
  t.Acknowledge(stream);
  t.RenewAll(stream);
  t.EndStream(stream, /*by_client=*/true);
  t.Advance(seconds(30));
  EXPECT_EQ(t.table().stats().sessions, 0u);
  // Somebody else's session by now, as far as the server can tell.
  const CallId again = t.Attach("s", {.number = 2});
  t.Advance(seconds(1));
  EXPECT_TRUE(t.IsHeld("k")) << "what it does not list is not its";
  t.Attach("s", {.number = 3, .leases = {{"k", "a"}}});
  EXPECT_EQ(t.RefusalOf(again), Refusal::kSessionReplaced);
  t.Advance(seconds(29));
  EXPECT_FALSE(t.IsHeld("k")) << "nobody has renewed it";
}

TEST(LockTableSessionsTest, ADetachedLeaseStaysAndIsNotRenewedAnyMore) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = seconds(10), .stream = stream});
  t.Acknowledge(stream);
  t.Advance(seconds(5));
  t.RenewAll(stream);
  t.Last<Detached>(t.Detach(stream, "k", "a"));
  t.Last<Detached>(t.Detach(stream, "k", "a"));
  t.Advance(seconds(5));
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 0u);
  EXPECT_EQ(t.Get("k").holders.at(0).remaining, seconds(5)) << "of the renewal when it was in it";
  t.Attach("s", {.number = 2});
  t.Advance(seconds(5) - kTick);
  EXPECT_TRUE(t.IsHeld("k"));
  t.Advance(kTick);
  EXPECT_FALSE(t.IsHeld("k"));
}

TEST(LockTableSessionsTest, OnlyALeaseThatIsHeldCanBeDetached) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.stream = stream});
  t.Acquire("k", "b", {.timeout = kNoTimeout, .stream = stream});
  EXPECT_EQ(t.RefusalOf(t.Detach(stream, "other", "a")), Refusal::kLeaseMismatch);
  EXPECT_EQ(t.RefusalOf(t.Detach(stream, "k", "b")), Refusal::kLeaseWaiting);
  EXPECT_EQ(t.RefusalOf(t.Detach(stream, "k", "c")), Refusal::kLeaseNotFound);
  t.ForceRelease("k");
  EXPECT_EQ(t.RefusalOf(t.Detach(stream, "k", "a")), Refusal::kLeaseForced);
}

TEST(LockTableSessionsTest, ALeaseIsInTheSessionThatAcquiredItLast) {
  TableDriver t;
  const CallId one = t.Attach("one");
  const CallId two = t.Attach("two");
  t.Acquire("k", "a", {.stream = one});
  t.Acquire("k", "a", {.stream = two});
  t.Attach("one", {.number = 2});
  t.Advance(kWindow + seconds(1));
  EXPECT_TRUE(t.IsHeld("k"));
  t.EndStream(two, /*by_client=*/true);
  t.Advance(kWindow + seconds(1));
  EXPECT_TRUE(t.IsHeld("k")) << "whether the grant arrived at the first one, nobody can tell";
  t.Acknowledge(two);
  EXPECT_EQ(t.table().stats().sessions, 1u);
}

// --- News ------------------------------------------------------------------------------

TEST(LockTableSessionsTest, ASessionIsToldOfEveryEndThatIsNotItsOwn) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  for (const std::string name : {"forced", "elsewhere", "other", "own"}) {
    t.Acquire(name, name, {.stream = stream});
  }
  t.Acquire("lapses", "lapses", {.expire = seconds(1), .stream = stream});
  t.Acknowledge(stream);
  t.ForceRelease("forced");
  t.Release("elsewhere", "elsewhere");
  t.Release("other", "other", t.Attach("else"));
  t.Release("own", "own", stream);
  t.Advance(seconds(1));
  EXPECT_THAT(
      t.Gone(stream),
      ElementsAre(Pair("forced", Refusal::kLeaseForced), Pair("elsewhere", Refusal::kLeaseEnded),
                  Pair("other", Refusal::kLeaseEnded), Pair("lapses", Refusal::kLeaseExpired)));
}

TEST(LockTableSessionsTest, AnOperationIsToldOfUnderItsOwnName) {
  LockTable table{Limits{}};
  const Now now{.monotonic = Instant(seconds(1)), .wall = {}};
  Effects effects;
  const CallId stream{5};
  table.Apply({.call = stream,
               .body = AttachCommand{.session_id = "s", .stream_number = 1},
               .stream = stream,
               .operation = 70},
              now, effects);
  table.Apply({.call = CallId{6},
               .body = AcquireCommand{.spec = {.key = "k", .lease_id = "a"}},
               .stream = stream,
               .operation = 71},
              now, effects);
  table.Apply({.call = CallId{7},
               .body = AcquireCommand{.spec = {.key = "k", .lease_id = "b"},
                                      .timeout = kNoTimeout,
                                      .report_queue = true},
               .stream = stream,
               .operation = 72},
              now, effects);
  table.Apply({.call = CallId{8}, .body = ForceReleaseCommand{.key = "k"}}, now, effects);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  for (const Delivery& delivery : effects.deliveries) {
    if (delivery.call == CallId{8}) continue;
    EXPECT_EQ(delivery.stream, stream);
    told.emplace_back(delivery.number, delivery.operation);
  }
  EXPECT_THAT(told, ElementsAre(Pair(1, 70), Pair(2, 71), Pair(3, 72), Pair(4, 0), Pair(5, 72)));
}

}  // namespace
}  // namespace holdfast
