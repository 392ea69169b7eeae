#include "services/lock/engine/queue_reporter.h"

#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/testing/table_driver.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::SizeIs;

CallId Wait(TableDriver& t, const std::string& lease_id) {
  return t.Acquire("k", lease_id, {.timeout = kNoTimeout, .report_queue = true});
}

TEST(QueueReporterTest, AWaiterIsToldItsPlaceAndTheHolderAtOnce) {
  TableDriver t;
  t.Acquire("k", "a", {.owner = "holder"});
  Wait(t, "b");
  const CallId c = Wait(t, "c");
  const Queued queued = t.Last<Queued>(c);
  EXPECT_EQ(queued.position, 2u);
  ASSERT_THAT(queued.holders, SizeIs(1));
  EXPECT_EQ(queued.holders[0].owner, "holder");
}

TEST(QueueReporterTest, WhoDidNotAskIsToldNothing) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = t.Queue("k", "b");
  const CallId c = t.Queue("k", "c");
  t.Release("k", "a");
  t.Last<Granted>(b);
  t.Advance(seconds(2));
  EXPECT_THAT(t.All(c), SizeIs(0));
}

TEST(QueueReporterTest, AChangeIsToldOnceAndThenThereIsQuiet) {
  TableDriver t;
  t.Try("k", "a");
  Wait(t, "b");
  const CallId c = Wait(t, "c");
  t.Advance(seconds(2));
  EXPECT_THAT(t.All(c), SizeIs(1)) << "nothing has changed";
  t.Release("k", "a");
  t.Advance(QueueReporter::kSlicePause);
  ASSERT_THAT(t.All(c), SizeIs(2));
  EXPECT_EQ(t.Last<Queued>(c).position, 1u);
  t.Advance(seconds(10));
  EXPECT_THAT(t.All(c), SizeIs(2));
  EXPECT_FALSE(t.table().NextPromptTimer() <= t.now().monotonic + seconds(60))
      << "a quiet queue has no timer";
}

TEST(QueueReporterTest, WhatHappensBehindAWaiterIsNoNews) {
  TableDriver t;
  t.Try("k", "a");
  const CallId b = Wait(t, "b");
  t.Acquire("k", "c", {.timeout = seconds(5), .report_queue = true});
  const CallId d = Wait(t, "d");
  t.Advance(seconds(5));
  t.Advance(seconds(2));
  EXPECT_EQ(t.Last<Queued>(d).position, 2u);
  EXPECT_THAT(t.All(b), SizeIs(1));
}

TEST(QueueReporterTest, ManyChangesAreToldAtMostOnceASecond) {
  TableDriver t;
  t.Try("k", "w0");
  for (int i = 1; i <= 100; ++i) t.Queue("k", "w" + std::to_string(i));
  const CallId last = Wait(t, "last");
  // A hundred releases in ten seconds.
  for (int i = 0; i < 100; ++i) {
    t.Release("k", "w" + std::to_string(i));
    for (int step = 0; step < 10; ++step) t.Advance(milliseconds(10));
  }
  EXPECT_LE(t.All(last).size(), 12u);
  EXPECT_GE(t.All(last).size(), 9u);
  t.Advance(seconds(2));
  EXPECT_EQ(t.Last<Queued>(last).position, 1u) << "the last state is told in the end";
}

TEST(QueueReporterTest, ALongQueueIsToldInSlices) {
  TableDriver t;
  t.Try("k", "holder");
  std::vector<CallId> calls;
  for (int i = 0; i < 1'000; ++i) calls.push_back(Wait(t, "w" + std::to_string(i)));
  t.Advance(seconds(5));
  t.Release("k", "holder");
  std::size_t told_before = 1'000;
  for (int slice = 0; slice < 25; ++slice) {
    t.Advance(QueueReporter::kSlicePause);
    std::size_t told = 0;
    for (const CallId call : calls) told += t.All(call).size();
    told -= 1;  // The grant.
    ASSERT_LE(told - told_before, static_cast<std::size_t>(QueueReporter::kMessagesPerSlice));
    told_before = told;
  }
  for (std::size_t i = 1; i < calls.size(); ++i) {
    ASSERT_EQ(t.Last<Queued>(calls[i]).position, i) << "each has been told in the end";
  }
}

TEST(QueueReporterTest, AReattachedStreamIsToldItsPlaceAtOnce) {
  TableDriver t;
  t.Try("k", "a");
  Wait(t, "b");
  const CallId c = Wait(t, "c");
  const std::uint64_t sequence = t.Last<Queued>(c).queue_sequence;
  t.Cancel(c);
  const CallId again = Wait(t, "c");
  EXPECT_EQ(t.Last<Queued>(again).position, 2u);
  EXPECT_EQ(t.Last<Queued>(again).queue_sequence, sequence);
}

TEST(QueueReporterTest, TheOtherStreamOfAWaiterIsToldToo) {
  TableDriver t;
  t.Try("k", "a");
  Wait(t, "b");
  const CallId c = Wait(t, "c");
  t.Advance(seconds(2));
  t.Release("k", "a");
  const CallId again = Wait(t, "c");
  EXPECT_EQ(t.Last<Queued>(again).position, 1u);
  EXPECT_EQ(t.Last<Queued>(c).position, 2u) << "it has not been told yet";
  t.Advance(QueueReporter::kSlicePause);
  EXPECT_EQ(t.Last<Queued>(c).position, 1u);
  EXPECT_THAT(t.All(again), SizeIs(1)) << "it knew";
}

}  // namespace
}  // namespace holdfast
