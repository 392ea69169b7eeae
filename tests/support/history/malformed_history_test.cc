// What is no history at all: the checker says so, and nothing else.

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ms;
using std::chrono::operator""s;

TEST(Malformed, AnAnswerNeedsACall) {
  Story story;
  const Call a = story.Acquires(0s, 1, "a");
  story.Granted(1s, {.client = 1, .operation = 2}, 5);
  story.Granted(1s, {.client = 2, .operation = 1}, 6);
  story.Granted(2s, a, 7);
  EXPECT_EQ(story.Found(), "malformed(1) malformed(2)");
}

TEST(Malformed, ACallEndsOnce) {
  Story story;
  const Call a = story.Waits(0s, 1, "a");
  story.Queued(10ms, a, 1);
  story.Granted(20ms, a, 5);
  EXPECT_EQ(story.Found(), "");
  story.Unanswered(3s, a);
  EXPECT_EQ(story.Found(), "malformed(2,3)");
}

TEST(Malformed, NothingIsQueuedAfterItsEnd) {
  Story story;
  const Call a = story.Waits(0s, 1, "a");
  story.Granted(2s, a, 5);
  story.Queued(3s, a, 1);
  EXPECT_EQ(story.Found(), "malformed(1,2)");
}

TEST(Malformed, AnOperationIsCalledOnce) {
  Story story;
  story.Acquires(0s, 1, "a");
  story.Add(1s, 1, 1, GetCalled{.key = "k"});
  story.Add(2s, 1, 0, GetCalled{.key = "k"});
  EXPECT_EQ(story.Found(), "malformed(0,1) malformed(2)");
}

TEST(Malformed, AnAnswerFitsItsCall) {
  Story story;
  const Call get = story.Gets(0s, 1);
  story.Released(1s, get);
  EXPECT_EQ(story.Found(), "malformed(0,1)");
}

TEST(Malformed, TimeGoesOn) {
  Story story;
  story.ServerStarts(2s);
  story.ServerStops(1s);
  EXPECT_EQ(story.Found(), "malformed(0,1)");
}

TEST(Malformed, WhoIsStoppedDoesNothing) {
  Story story;
  story.ClientStops(0s, 1);
  story.Acquires(1s, 1, "a");
  story.ClientContinues(2s, 1);
  story.ClientContinues(3s, 1);
  EXPECT_EQ(story.Found(), "malformed(0,1) malformed(3)");
}

TEST(Malformed, AWriteMayArriveFromAStoppedClient) {
  Story story;
  story.ClientStops(0s, 1);
  story.Written(1s, 1, 5);
  EXPECT_EQ(story.Found(), "");
}

TEST(Malformed, AServerStopsBeforeItStartsAgain) {
  Story story;
  story.ServerStarts(0s);
  story.ServerStarts(1s);
  EXPECT_EQ(story.Found(), "malformed(1)");
}

TEST(Malformed, OnlyOperationsHaveAnOperation) {
  Story story;
  story.Add(0s, 1, 1, ServerStopped{});
  EXPECT_EQ(story.Found(), "malformed(0)");
}

TEST(Malformed, IsAllThatIsReportedThen) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
  story.Granted(1ms, a, 5);
  const Call b = story.Acquires(2ms, 2, "b", {.expire = 10s});
  story.Granted(3ms, b, 5);
  story.Granted(4ms, b, 5);
  EXPECT_EQ(story.Found(), "malformed(3,4)");
}

}  // namespace
}  // namespace holdfast::history
