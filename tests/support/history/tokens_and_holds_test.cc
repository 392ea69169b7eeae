// Histories that break I1, I2 and I3, each with its nearest good neighbour.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/history/checker.h"
#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ms;
using std::chrono::operator""s;

// ---- I1: tokens.

TEST(Tokens, ASecondAnswerMustTellTheSameToken) {
  const auto found = [](std::uint64_t second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call again = story.Acquires(2ms, 1, "a", {.expire = 10s});
    story.Granted(3ms, again, second);
    return story.Found();
  };
  EXPECT_EQ(found(6), "I1(1,3)");
  EXPECT_EQ(found(5), "");
}

TEST(Tokens, ARenewalMustTellTheSameToken) {
  const auto found = [](std::uint64_t second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call renewal = story.Renews(2ms, 1, "a");
    story.Renewed(3ms, renewal, second);
    return story.Found();
  };
  EXPECT_EQ(found(4), "I1(1,3)");
  EXPECT_EQ(found(5), "");
}

TEST(Tokens, AreNotReusedForAnotherKeyAfterARestart) {
  const auto found = [](std::uint64_t second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s, .key = "first"});
    story.Granted(1ms, a, 5);
    story.ServerStops(2ms);
    story.ServerStarts(3ms);
    const Call b = story.Acquires(4ms, 2, "b", {.expire = 10s, .key = "second"});
    story.Granted(5ms, b, second);
    return story.Found();
  };
  EXPECT_EQ(found(5), "I1(1,5) I1(1,4,5)");  // Both used twice and not risen.
  EXPECT_EQ(found(4), "I1(1,4,5)");
  EXPECT_EQ(found(6), "");
}

TEST(Tokens, OfGrantsThatWereAskedForTogetherMayComeInAnyOrderOfKeys) {
  const auto found = [](Time second_asks) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s, .key = "first"});
    if (second_asks == 1ms) {
      const Call b = story.Acquires(1ms, 2, "b", {.expire = 10s, .key = "second"});
      story.Granted(2ms, a, 5);
      story.Granted(4ms, b, 4);
    } else {
      story.Granted(2ms, a, 5);
      const Call b = story.Acquires(3ms, 2, "b", {.expire = 10s, .key = "second"});
      story.Granted(4ms, b, 4);
    }
    return story.Found();
  };
  EXPECT_EQ(found(3ms), "I1(1,2,3)");
  EXPECT_EQ(found(1ms), "");
}

TEST(Tokens, ThatWereOnlyShownCountAsWell) {
  const auto found = [](std::uint64_t token) {
    Story story;
    const Call a = story.Waits(0ms, 1, "a", {.expire = 10s});  // Cut off, and granted 7.
    story.ClientStops(1ms, 1);
    const Call get = story.Gets(2ms, 2);
    story.Shown(3ms, get, 7);
    const Call b = story.Acquires(20s, 2, "b", {.expire = 10s});
    story.Granted(20'001ms, b, token);
    (void)a;
    return story.Found();
  };
  EXPECT_EQ(found(6), "I1(3,4,5)");
  EXPECT_EQ(found(8), "");
}

TEST(Tokens, OfTheLaterHoldIsTheLarger) {
  const auto found = [](std::uint64_t first, std::uint64_t second) {
    Story story;
    const Call a = story.Waits(0ms, 1, "a", {.expire = 10s});
    const Call b = story.Waits(0ms, 2, "b", {.expire = 10s});
    story.Granted(1ms, a, first);
    const Call release = story.Releases(2ms, 1, "a");
    story.Granted(3ms, b, second);
    story.Released(4ms, release);
    return story.Found();
  };
  // If 5 was granted first, it cannot have ended when 6 was held.
  EXPECT_EQ(found(6, 5), "I1(2,4) I8(1,2)");
  EXPECT_EQ(found(5, 6), "");
}

TEST(Tokens, ALeaseIdIsForOneKey) {
  const auto found = [](bool granted) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s, .key = "first"});
    story.Granted(1ms, a, 5);
    const Call again = story.Acquires(2ms, 1, "a", {.expire = 10s, .key = "second"});
    granted ? story.Granted(3ms, again, 5) : story.Refused(3ms, again, Reason::kLeaseMismatch);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I1(1,3)");
  EXPECT_EQ(found(false), "");
}

TEST(Tokens, AreNotZero) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
  story.Granted(1ms, a, 0);
  EXPECT_EQ(story.Found(), "I1(1) I1(0,1)");
}

// ---- I2: exclusion.

TEST(Exclusion, TwoDoNotHoldAtOnce) {
  const auto found = [](Time second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call b = story.Acquires(second, 2, "b", {.expire = 10s});
    story.Granted(second + 1ms, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(2ms), "I2(1,3) I8(0,3)");
  EXPECT_EQ(found(10s), "");
}

TEST(Exclusion, ARenewalMakesTheHoldLonger) {
  const auto found = [](bool renewed) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(5s, 1, "a");
    renewed ? story.Renewed(6s, renewal, 5) : story.Unanswered(6s, renewal);
    const Call b = story.Acquires(11s, 2, "b", {.expire = 10s});
    story.Granted(12s, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I2(3,5) I8(2,5)");
  EXPECT_EQ(found(false), "");
}

TEST(Exclusion, WhoCountsOnLessHoldsForLessAndTheServerKeepsItsPromise) {
  const auto found = [](Duration expire) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(2s, 1, "a", expire);
    story.Renewed(3s, renewal, 5);
    const Call b = story.Acquires(4s, 2, "b", {.expire = 10s});
    story.Granted(5s, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(5s), "I2(3,5) I8(0,5)");
  EXPECT_EQ(found(3s), "I8(0,5)");
}

TEST(Exclusion, WhoHasCalledReleaseHoldsNoMore) {
  const auto found = [](Time release) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call b = story.Waits(2ms, 2, "b", {.expire = 10s});
    if (release == 3ms) {
      const Call releases = story.Releases(3ms, 1, "a");
      story.Granted(4ms, b, 6);
      story.Released(6ms, releases);
    } else {
      story.Granted(4ms, b, 6);
      const Call releases = story.Releases(5ms, 1, "a");
      story.Released(6ms, releases);
    }
    return story.Found();
  };
  EXPECT_EQ(found(5ms), "I2(1,3) I8(3,4)");
  EXPECT_EQ(found(3ms), "");
}

TEST(Exclusion, WhoHasDeclaredItsLeaseLostHoldsNoMore) {
  const auto found = [](bool lost) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5, 11s);  // It computes from the answer, which is wrong.
    if (lost) story.Loses(10s, 1, "a");
    const Call b = story.Acquires(10s, 2, "b", {.expire = 10s});
    story.Granted(10'500ms, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(false), "I2(1,3)");
  EXPECT_EQ(found(true), "");
}

TEST(Exclusion, APausedClientHoldsAndADeadOneDoesNot) {
  const auto found = [](bool goes_on) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5, 11s);
    story.ClientStops(2s, 1);
    const Call b = story.Acquires(10s, 2, "b", {.expire = 10s});
    story.Granted(10'500ms, b, 6);
    if (goes_on) story.ClientContinues(30s, 1);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I2(1,4)");
  EXPECT_EQ(found(false), "");
}

TEST(Exclusion, AGrantThatArrivesTooLateIsNoHold) {
  const auto found = [](Time arrival) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    const Call b = story.Waits(1s, 2, "b", {.expire = 10s});
    story.Granted(11s, b, 6, 20s);
    story.Granted(12s, a, 5, arrival);
    return story.Found({.network = 12s});
  };
  // Who is told of 5 later than of 6 and believes in it, would hold a smaller token later.
  EXPECT_EQ(found(13s), "I1(2,3) I2(2,3)");
  EXPECT_EQ(found(10s), "");
}

TEST(Exclusion, AForceReleaseEndsTheHoldFromItsCallOn) {
  const auto found = [](std::uint64_t named) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call force = story.Forces(2ms, 3, named);
    const Call b = story.Acquires(3ms, 2, "b", {.expire = 10s});
    story.Granted(4ms, b, 6);
    story.Unanswered(5ms, force);
    return story.Found();
  };
  EXPECT_EQ(found(4), "I2(1,4) I8(0,4)");
  EXPECT_EQ(found(5), "");
  EXPECT_EQ(found(0), "");  // Whichever there was.
}

TEST(Exclusion, OneForceReleaseThatWasNotAnsweredExcusesOneOverlap) {
  const auto found = [](bool third) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call force = story.Forces(2ms, 3);
    const Call b = story.Acquires(3ms, 2, "b", {.expire = 10s});
    story.Granted(4ms, b, 6);
    story.Unanswered(5ms, force);
    const Call c = story.Acquires(6ms, 4, "c", {.expire = 10s});
    third ? story.Granted(7ms, c, 7) : story.Refused(7ms, c, Reason::kLockHeld);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I2(4,7)");
  EXPECT_EQ(found(false), "");
}

TEST(Exclusion, ARetriedGrantIsTheSameHold) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
  const Call again = story.Acquires(1ms, 1, "a", {.expire = 10s});
  story.Granted(2ms, again, 5);
  story.Granted(3ms, a, 5);
  const Call elsewhere = story.Acquires(4ms, 2, "a", {.expire = 10s});
  story.Granted(5ms, elsewhere, 5);
  EXPECT_EQ(story.Found(), "");
}

// ---- I3: fencing.

TEST(Fencing, NothingOldIsTakenAfterSomethingNew) {
  const auto found = [](bool accepted) {
    Story story;
    story.Written(0ms, 1, 5);
    story.Written(1ms, 2, 6);
    story.Written(2ms, 2, 6);
    story.Written(3ms, 1, 5, accepted);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I3(2,3)");
  EXPECT_EQ(found(false), "");
}

TEST(Fencing, EachResourceIsForItself) {
  Story story;
  story.Written(0ms, 1, 6, true, "one");
  story.Written(1ms, 1, 5, true, "other");
  EXPECT_EQ(story.Found(), "");
}

TEST(Fencing, WhatAResourceWithoutFencingLosesIsCounted) {
  Story story;
  story.Written(0ms, 2, 6, true, "register");
  story.Written(1ms, 1, 5, true, "register");
  story.Written(2ms, 1, 5, true, "register");
  story.Written(3ms, 1, 7, true, "register");
  EXPECT_EQ(story.Found({.unfenced = {"register"}}), "");
  EXPECT_EQ(StaleWrites(story.history(), "register"), 2U);
  EXPECT_EQ(StaleWrites(story.history(), "another"), 0U);
}

}  // namespace
}  // namespace holdfast::history
