// Sessions: how long ids are remembered that have ended in one.

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
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::VariantWith;

constexpr Duration kWindow = Limits{}.reattach_window;
constexpr Duration kTick{1};

// The ids that the last step has removed from the store.
std::vector<std::string> Removed(const TableDriver& t) {
  std::vector<std::string> removed;
  for (const RecordChange& change : t.changes()) {
    if (const auto* one = std::get_if<DeleteEnded>(&change)) removed.push_back(one->lease_id);
  }
  return removed;
}

// --- What is remembered ----------------------------------------------------------------

TEST(LockTableSessionIdsTest, AnEndThatIsAcknowledgedIsForgottenWithTheNextChange) {
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

TEST(LockTableSessionIdsTest, WhatIsForgottenGoesAlongWithOtherChanges) {
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

TEST(LockTableSessionIdsTest, UntilItIsForgottenTheIdIsRefused) {
  TableDriver t;
  const CallId stream = t.Attach("s");
  t.Acquire("k", "a", {.stream = stream});
  t.Release("k", "a", stream);
  t.Acknowledge(stream);
  EXPECT_EQ(t.RefusalOf(t.Try("k", "a")), Refusal::kLeaseEnded)
      << "or else its removal could come behind its grant";
}

TEST(LockTableSessionIdsTest, EveryKindOfEndIsForgottenOnceItIsAcknowledged) {
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

TEST(LockTableSessionIdsTest, AnIdThatSomebodyElseHasUsedIsRememberedInFull) {
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

TEST(LockTableSessionIdsTest, AnIdThatStartedElsewhereIsRememberedInFull) {
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

TEST(LockTableSessionIdsTest, AnEndWhoseAcknowledgementIsLostIsRememberedInFull) {
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

TEST(LockTableSessionIdsTest, AReleaseThatIsSentAgainIsAcknowledgedInsteadOfTheFirst) {
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

TEST(LockTableSessionIdsTest, WithForgottenIdsTheNumberOfTheLastStreamIsRememberedInstead) {
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

TEST(LockTableSessionIdsTest, WhatIsRememberedIsBoundedEvenIfItIsAwaited) {
  TableDriver t(Limits{.max_ended_ids = 3});
  const CallId stream = t.Attach("s");
  for (int i = 0; i < 3; ++i) {
    t.Acquire("k", TableDriver::Numbered("id", i), {.stream = stream});
    t.Release("k", TableDriver::Numbered("id", i), stream);
  }
  t.Acknowledge(stream);
  t.Acquire("k", "id3", {.stream = stream});
  t.Release("k", "id3", stream);
  EXPECT_THAT(Removed(t), ElementsAre("id0")) << "first those that are to be forgotten anyway";
  EXPECT_EQ(t.table().stats().forgotten_early, 0u);
}

TEST(LockTableSessionIdsTest, NothingIsLeftOfSessionsThatAreOver) {
  TableDriver t;
  for (int round = 0; round < 3; ++round) {
    const CallId stream = t.Attach("s", {.number = static_cast<std::uint64_t>(round) + 1});
    t.Acquire("k", TableDriver::Numbered("a", round), {.expire = seconds(1), .stream = stream});
    t.Acquire("k", TableDriver::Numbered("b", round), {.timeout = kNoTimeout, .stream = stream});
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
