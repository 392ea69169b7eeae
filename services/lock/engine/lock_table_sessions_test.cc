// Sessions: who owns one, which leases are in it, what is acknowledged and remembered.

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
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::VariantWith;

constexpr Duration kWindow = Limits{}.reattach_window;
constexpr Duration kTick{1};

bool IsHeld(TableDriver& t, const std::string& key) { return !t.Get(key).holders.empty(); }

// The ids that the last step has removed from the store.
std::vector<std::string> Removed(const TableDriver& t) {
  std::vector<std::string> removed;
  for (const RecordChange& change : t.changes()) {
    if (const auto* one = std::get_if<DeleteEnded>(&change)) removed.push_back(one->lease_id);
  }
  return removed;
}

std::string Numbered(const std::string& name, int i) { return name + std::to_string(i); }

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
  EXPECT_FALSE(IsHeld(t, "k")) << "of the older one nothing is carried out any more";
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
  EXPECT_TRUE(IsHeld(t, "k")) << "its list does not count either";
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
  EXPECT_TRUE(IsHeld(t, "neither")) << "it may be on a page to come";
  t.AttachPage(second, {});
  t.Advance(kTick);
  EXPECT_TRUE(IsHeld(t, "listed"));
  EXPECT_TRUE(IsHeld(t, "acquired"));
  EXPECT_TRUE(IsHeld(t, "unary")) << "it is not in the session";
  EXPECT_FALSE(IsHeld(t, "neither"));
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
    t.Acquire(Numbered("k", i), Numbered("id", i), {.stream = first});
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
  EXPECT_TRUE(IsHeld(t, "k"));
  t.AttachPage(third, {{"k", "a"}});
  t.Advance(seconds(1));
  EXPECT_TRUE(IsHeld(t, "k"));
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
  EXPECT_TRUE(IsHeld(t, "k"));
  t.Advance(kTick);
  EXPECT_FALSE(IsHeld(t, "k"));
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
  EXPECT_TRUE(IsHeld(t, "k")) << "what it does not list is not its";
  t.Attach("s", {.number = 3, .leases = {{"k", "a"}}});
  EXPECT_EQ(t.RefusalOf(again), Refusal::kSessionReplaced);
  t.Advance(seconds(29));
  EXPECT_FALSE(IsHeld(t, "k")) << "nobody has renewed it";
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
  EXPECT_TRUE(IsHeld(t, "k"));
  t.Advance(kTick);
  EXPECT_FALSE(IsHeld(t, "k"));
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
  EXPECT_TRUE(IsHeld(t, "k"));
  t.EndStream(two, /*by_client=*/true);
  t.Advance(kWindow + seconds(1));
  EXPECT_TRUE(IsHeld(t, "k")) << "whether the grant arrived at the first one, nobody can tell";
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

// --- Acknowledging ---------------------------------------------------------------------

TEST(LockTableSessionsTest, AGrantThatIsNotAcknowledgedIsKeptForTheWindow) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("known", "known", {.stream = stream});
  t.Acknowledge(stream);
  t.Acquire("lost", "lost", {.stream = stream});
  t.Acquire("back", "back", {.stream = stream});
  t.Advance(2 * kWindow);
  EXPECT_TRUE(IsHeld(t, "lost")) << "the acknowledgement may come late";
  t.EndStream(stream, /*by_client=*/false);
  t.Acquire("back", "back", {});
  t.Advance(kWindow - kTick);
  EXPECT_TRUE(IsHeld(t, "lost"));
  t.Advance(kTick);
  EXPECT_FALSE(IsHeld(t, "lost"));
  EXPECT_TRUE(IsHeld(t, "known"));
  EXPECT_TRUE(IsHeld(t, "back"));
}

TEST(LockTableSessionsTest, AnAcknowledgementReachesAsFarAsItSays) {
  TableDriver t;
  const CallId stream = t.Attach("s");      // 1
  t.Acquire("a", "a", {.stream = stream});  // 2
  t.Acquire("b", "b", {.stream = stream});  // 3
  t.Acknowledge(stream, 2);
  t.EndStream(stream, /*by_client=*/false);
  t.Advance(kWindow);
  EXPECT_TRUE(IsHeld(t, "a"));
  EXPECT_FALSE(IsHeld(t, "b"));
}

TEST(LockTableSessionsTest, AGrantOfTheOldStreamCanBeListedOrAcquiredOnTheNew) {
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
  EXPECT_TRUE(IsHeld(t, "listed"));
  EXPECT_TRUE(IsHeld(t, "acquired"));
  t.EndStream(second, /*by_client=*/false);
  t.Advance(kWindow);
  EXPECT_TRUE(IsHeld(t, "listed")) << "to list it is to know of it";
  EXPECT_FALSE(IsHeld(t, "acquired"));
}

TEST(LockTableSessionsTest, ARenewalOfOneLeaseAcknowledgesItsGrant) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.expire = minutes(1), .stream = stream});
  t.Renew("k", "a", {}, stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u);
  t.Acknowledge(stream);
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(stream)).leases, 1u) << "it counts once";
  t.EndStream(stream, /*by_client=*/false);
  t.Advance(kWindow);
  EXPECT_TRUE(IsHeld(t, "k"));
}

TEST(LockTableSessionsTest, AWaiterKeepsItsPlaceForTheWindow) {
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

TEST(LockTableSessionsTest, AWaiterWithoutAStreamIsSkippedAndThenLeaves) {
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

TEST(LockTableSessionsTest, AWaitOfASessionTimesOut) {
  TableDriver t;
  t.Try("k", "holder");
  const CallId stream = t.Attach("s");
  const CallId waits = t.Acquire("k", "a", {.timeout = seconds(1), .stream = stream});
  t.Advance(seconds(1));
  EXPECT_EQ(t.RefusalOf(waits), Refusal::kWaitTimeout);
  EXPECT_EQ(t.table().stats().ended_ids_awaited, 1u);
}

TEST(LockTableSessionsTest, WhoNeverAcknowledgesIsGrantedNoMore) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  for (std::size_t i = 0; i < Session::kMaxTold; ++i) {
    t.Acquire(Numbered("k", static_cast<int>(i)), Numbered("id", static_cast<int>(i)),
              {.stream = stream});
  }
  const Refused refused = t.Last<Refused>(t.Acquire("k", "a", {.stream = stream}));
  EXPECT_EQ(refused.reason, Refusal::kLimitExceeded);
  EXPECT_EQ(refused.name, "max_session_unacknowledged");
  t.Acknowledge(stream);
  t.Last<Granted>(t.Acquire("k", "a", {.stream = stream}));
}

// --- Renewing all ----------------------------------------------------------------------

TEST(LockTableSessionsTest, OneRenewalMovesEveryLeaseThatIsAcknowledged) {
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
  EXPECT_FALSE(IsHeld(t, "unknown"));
  t.Advance(seconds(8) - kTick);
  EXPECT_TRUE(IsHeld(t, "short"));
  t.Advance(kTick);
  EXPECT_FALSE(IsHeld(t, "short"));
  EXPECT_TRUE(IsHeld(t, "long"));
  t.Advance(seconds(10));
  EXPECT_FALSE(IsHeld(t, "long"));
  EXPECT_TRUE(IsHeld(t, "ever"));
}

TEST(LockTableSessionsTest, ARenewalOfOneLeaseNeverUndoesThatOfAll) {
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
  EXPECT_TRUE(IsHeld(t, "k"));
  t.Advance(kTick);
  EXPECT_FALSE(IsHeld(t, "k"));
}

TEST(LockTableSessionsTest, ARenewalReachesNoLeaseOfAnotherSession) {
  TableDriver t;
  const CallId one = t.Attach("one");
  const CallId two = t.Attach("two");
  t.Acquire("k", "a", {.expire = seconds(2), .stream = two});
  t.Acknowledge(two);
  t.Advance(seconds(1));
  EXPECT_EQ(t.Last<RenewedAll>(t.RenewAll(one)).leases, 0u);
  t.Advance(seconds(1));
  EXPECT_FALSE(IsHeld(t, "k"));
}

TEST(LockTableSessionsTest, TimersThatFireTooEarlyAreSetAgainInGreatNumbersButNotAll) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  constexpr int kLeases = LockTable::kTimersResetAtOnce + 10;
  for (int i = 0; i < kLeases; ++i) {
    t.Acquire(Numbered("k", i), Numbered("id", i), {.expire = seconds(10), .stream = stream});
  }
  t.Acknowledge(stream);
  // Behind them in the queue of timers.
  t.Acquire("lapses", "lapses", {.expire = seconds(10)});
  t.Advance(seconds(9));
  t.RenewAll(stream);
  t.Advance(seconds(1));
  EXPECT_TRUE(IsHeld(t, "lapses")) << "one turn has only so much time";
  EXPECT_EQ(t.table().NextSilenceTimer(), t.now().monotonic);
  t.Advance(Duration::zero());
  EXPECT_FALSE(IsHeld(t, "lapses"));
  EXPECT_EQ(t.table().stats().leases, static_cast<std::size_t>(kLeases));
  EXPECT_EQ(t.table().NextSilenceTimer(), t.now().monotonic + seconds(9));
}

TEST(LockTableSessionsTest, TimersThatAreSetAgainMakeNoLaterTurnLonger) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  constexpr int kLeases = 1'000;
  for (int i = 0; i < kLeases; ++i) {
    t.Acquire(Numbered("k", i), Numbered("id", i), {.expire = seconds(10), .stream = stream});
  }
  t.Acknowledge(stream);
  t.Advance(seconds(9));
  t.RenewAll(stream);
  t.Advance(seconds(1));
  t.Advance(seconds(9));
  EXPECT_EQ(t.table().stats().leases, static_cast<std::size_t>(kLeases - LockTable::kTimersAtOnce));
}

// --- What is remembered ----------------------------------------------------------------

TEST(LockTableSessionsTest, AnEndThatIsAcknowledgedIsForgottenWithTheNextChange) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.stream = stream});
  t.Acknowledge(stream);
  t.Release("k", "a", stream);
  EXPECT_EQ(t.table().stats().ended_ids_awaited, 1u);
  t.Acknowledge(stream);
  t.Advance(LeaseIds::kPruneInterval - kTick);
  EXPECT_THAT(t.changes(), IsEmpty()) << "to forget is not worth a write";
  EXPECT_EQ(t.table().stats().ended_ids_acknowledged, 1u);
  t.Acquire("other", "b", {.expire = seconds(1)});
  t.Advance(Duration::zero());
  EXPECT_THAT(t.changes(), IsEmpty()) << "(the driver commits each step by itself)";
  t.Advance(kTick);
  EXPECT_THAT(Removed(t), ElementsAre("a"));
  EXPECT_EQ(t.table().stats().ended_ids, 0u);
  EXPECT_EQ(t.table().stats().forgotten_acknowledged, 1u);
}

TEST(LockTableSessionsTest, WhatIsForgottenGoesAlongWithOtherChanges) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.stream = stream});
  t.Acquire("other", "b", {.expire = seconds(1)});
  t.Release("k", "a", stream);
  t.Acknowledge(stream);
  t.Advance(seconds(1));
  EXPECT_THAT(Removed(t), ElementsAre("a"));
  EXPECT_THAT(t.changes(), Contains(VariantWith<PutEnded>(::testing::_)));
}

TEST(LockTableSessionsTest, UntilItIsForgottenTheIdIsRefused) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.stream = stream});
  t.Release("k", "a", stream);
  t.Acknowledge(stream);
  EXPECT_EQ(t.RefusalOf(t.Try("k", "a")), Refusal::kLeaseEnded)
      << "or else its removal could come behind its grant";
}

TEST(LockTableSessionsTest, EveryKindOfEndIsForgottenOnceItIsAcknowledged) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "released", {.stream = stream});
  t.Acquire("k", "waits", {.timeout = kNoTimeout, .stream = stream});
  t.Acquire("k", "times-out", {.timeout = seconds(1), .stream = stream});
  t.Release("k", "waits", stream);
  t.Advance(seconds(1));
  t.Release("k", "released", stream);
  t.Acquire("k", "lapses", {.expire = seconds(1), .stream = stream});
  t.Advance(seconds(1));
  t.Acquire("k", "forced", {.stream = stream});
  t.ForceRelease("k");
  EXPECT_EQ(t.table().stats().ended_ids_awaited, 5u);
  t.Acknowledge(stream);
  EXPECT_EQ(t.table().stats().ended_ids_acknowledged, 5u);
  t.Advance(LeaseIds::kPruneInterval);
  EXPECT_EQ(t.table().stats().ended_ids, 0u);
}

TEST(LockTableSessionsTest, AnIdThatSomebodyElseHasUsedIsRememberedInFull) {
  using Use = void (*)(TableDriver&, const std::string& id, CallId other);
  const std::vector<std::pair<std::string, Use>> uses = {
      {"acquire", [](TableDriver& t, const std::string& id, CallId) { t.Try("k", id); }},
      {"renew", [](TableDriver& t, const std::string& id, CallId) { t.Renew("k", id); }},
      {"wrong", [](TableDriver& t, const std::string& id, CallId) { t.Release("wrong key", id); }},
      {"session",
       [](TableDriver& t, const std::string& id, CallId other) { t.Renew("k", id, {}, other); }},
      {"listed", [](TableDriver& t, const std::string& id, CallId) {
         t.Attach("third", {.leases = {{"wrong key", id}}});
       }}};
  for (const auto& [name, use] : uses) {
    for (const bool ended_before : {false, true}) {
      SCOPED_TRACE(name + (ended_before ? " after its end" : " while it is held"));
      TableDriver t;
      const CallId stream = t.Attach("s");
      const CallId other = t.Attach("other");
      t.Acquire("k", "id", {.stream = stream});
      if (!ended_before) use(t, "id", other);
      t.Release("k", "id", stream);
      if (ended_before) use(t, "id", other);
      t.Acknowledge(stream);
      t.Advance(LeaseIds::kRetention - kTick);
      EXPECT_EQ(t.RefusalOf(t.Try("k", "id")), Refusal::kLeaseEnded);
      t.Advance(LeaseIds::kPruneInterval + kTick);
      EXPECT_EQ(t.table().stats().ended_ids, 0u);
      EXPECT_EQ(t.table().stats().forgotten_acknowledged, 0u);
    }
  }
}

TEST(LockTableSessionsTest, AnIdThatStartedElsewhereIsRememberedInFull) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Try("k", "a");
  t.Acquire("k", "a", {.stream = stream});
  t.Acquire("k", "b", {.timeout = kNoTimeout, .stream = t.Attach("other")});
  t.Acquire("k", "b", {.timeout = kNoTimeout, .stream = stream});
  t.Release("k", "a", stream);
  t.Release("k", "b", stream);
  t.Acknowledge(stream);
  t.Advance(LeaseIds::kPruneInterval);
  EXPECT_EQ(t.table().stats().ended_ids, 2u);
}

TEST(LockTableSessionsTest, AnEndWhoseAcknowledgementIsLostIsRememberedInFull) {
  TableDriver t;
  const CallId first = t.Attach("s");
  t.Acquire("k", "a", {.stream = first});
  t.Release("k", "a", first);
  t.Advance(minutes(1));
  const CallId second = t.Attach("s", {.number = 2});
  EXPECT_EQ(t.table().stats().ended_ids_awaited, 0u);
  t.Acknowledge(second);
  t.Advance(LeaseIds::kRetention - kTick);
  EXPECT_EQ(t.RefusalOf(t.Acquire("k", "a", {.stream = second})), Refusal::kLeaseEnded);
}

TEST(LockTableSessionsTest, AReleaseThatIsSentAgainIsAcknowledgedInsteadOfTheFirst) {
  TableDriver t;
  const CallId first = t.Attach("s");
  t.Acquire("k", "a", {.stream = first});
  t.Release("k", "a", first);
  const CallId second = t.Attach("s", {.number = 2});
  t.Last<Released>(t.Release("k", "a", second));
  t.Acknowledge(second);
  t.Advance(LeaseIds::kPruneInterval);
  EXPECT_EQ(t.table().stats().ended_ids, 0u);
}

TEST(LockTableSessionsTest, WithForgottenIdsTheNumberOfTheLastStreamIsRememberedInstead) {
  TableDriver t;
  const CallId stream = t.Attach("s", {.number = 2});
  t.Acquire("k", "a", {.stream = stream});
  t.Release("k", "a", stream);
  t.Acknowledge(stream);
  t.EndStream(stream, /*by_client=*/true);
  t.Advance(LeaseIds::kPruneInterval);
  ASSERT_EQ(t.table().stats().sessions, 0u);
  ASSERT_EQ(t.table().stats().ended_ids, 0u);
  EXPECT_EQ(t.RefusalOf(t.Attach("s", {.number = 1})), Refusal::kSessionReplaced)
      << "it might acquire `a` once more";
  t.Advance(LeaseIds::kRetention);
  EXPECT_FALSE(t.Last<Attached>(t.Attach("s", {.number = 1})).resumed);
}

TEST(LockTableSessionsTest, WhatIsRememberedIsBoundedEvenIfItIsAwaited) {
  TableDriver t(Limits{.max_ended_ids = 3});
  const CallId stream = t.Attach("s");
  for (int i = 0; i < 3; ++i) {
    t.Acquire("k", Numbered("id", i), {.stream = stream});
    t.Release("k", Numbered("id", i), stream);
  }
  t.Acknowledge(stream);
  t.Acquire("k", "id3", {.stream = stream});
  t.Release("k", "id3", stream);
  EXPECT_THAT(Removed(t), ElementsAre("id0")) << "first those that are to be forgotten anyway";
  EXPECT_EQ(t.table().stats().forgotten_early, 0u);
}

TEST(LockTableSessionsTest, NothingIsLeftOfSessionsThatAreOver) {
  TableDriver t;
  for (int round = 0; round < 3; ++round) {
    const CallId stream = t.Attach("s", {.number = static_cast<std::uint64_t>(round) + 1});
    t.Acquire("k", Numbered("a", round), {.expire = seconds(1), .stream = stream});
    t.Acquire("k", Numbered("b", round), {.timeout = kNoTimeout, .stream = stream});
    t.EndStream(stream, round % 2 == 0);
  }
  t.Advance(kWindow + seconds(1));
  const TableStats stats = t.table().stats();
  EXPECT_EQ(stats.sessions + stats.streams + stats.leases + stats.waiters + stats.timers +
                stats.locks + stats.open_calls,
            0u);
}

}  // namespace
}  // namespace holdfast
