// Histories that break I4, each with its nearest good neighbour.

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""min;
using std::chrono::operator""ms;
using std::chrono::operator""s;

TEST(Durability, AnAcknowledgedGrantIsThereAfterARestart) {
  const auto found = [](Reason reason) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ServerStops(2s);
    story.ServerStarts(3s);
    const Call renewal = story.Renews(4s, 1, "a");
    reason == Reason::kUnavailable ? story.Refused(5s, renewal, Reason::kUnavailable)
                                   : story.Refused(5s, renewal, reason);
    return story.Found();
  };
  EXPECT_EQ(found(Reason::kLeaseNotFound), "I4(1,5)");
  EXPECT_EQ(found(Reason::kLeaseWaiting), "I4(1,5)");
  EXPECT_EQ(found(Reason::kUnavailable), "");
}

TEST(Durability, AGrantThatWasNotAcknowledgedMayBeGone) {
  const auto found = [](bool answered) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    answered ? story.Granted(1s, a, 5) : story.Unanswered(1s, a);
    story.ServerStops(2s);
    story.ServerStarts(3s);
    const Call b = story.Acquires(4s, 2, "b", {.expire = 10s});
    story.Granted(5s, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I2(1,5) I4(1,5)");
  EXPECT_EQ(found(false), "");
}

TEST(Durability, ALeaseWithoutAnExpireStays) {
  const auto found = [](bool released) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a");
    story.Granted(1s, a, 5);
    if (released) {
      const Call release = story.Releases(2s, 1, "a");
      story.Unanswered(3s, release);
    } else {
      story.ClientStops(2s, 1);  // It dies.
      story.Written(3s, 2, 4);
    }
    const Call b = story.Acquires(1000s, 2, "b", {.expire = 10s});
    story.Granted(1001s, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(false), "I4(1,5)");
  EXPECT_EQ(found(true), "");
}

TEST(Durability, WhatWasReleasedIsNotRenewed) {
  const auto found = [](Reason reason) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call release = story.Releases(2ms, 1, "a");
    story.Released(3ms, release);
    const Call renewal = story.Renews(4ms, 1, "a");
    reason == Reason{} ? story.Renewed(5ms, renewal, 5) : story.Refused(5ms, renewal, reason);
    return story.Found();
  };
  EXPECT_EQ(found(Reason{}), "I4(3,4,5)");
  EXPECT_EQ(found(Reason::kLeaseNotFound), "I4(3,4,5)");  // It must be remembered.
  EXPECT_EQ(found(Reason::kLeaseExpired), "I4(3,4,5) I8(0,5)");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Durability, WhatWasReleasedIsNotGrantedAgainAfterARestart) {
  const auto found = [](bool acknowledged) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call release = story.Releases(2ms, 1, "a");
    acknowledged ? story.Released(3ms, release) : story.Unanswered(3ms, release);
    story.ServerStops(4ms);
    story.ServerStarts(5ms);
    const Call again = story.Acquires(6ms, 1, "a", {.expire = 10s});
    story.Granted(7ms, again, 5);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I4(3,6,7)");
  EXPECT_EQ(found(false), "");  // Either way was right.
}

TEST(Durability, AReleaseThatWasNotAnsweredIsOneThingOrTheOther) {
  const auto found = [](bool then_renewed) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call release = story.Releases(2ms, 1, "a");
    story.Unanswered(3ms, release);
    const Call first = story.Renews(4ms, 1, "a");
    story.Refused(5ms, first, Reason::kLeaseEnded);
    const Call second = story.Renews(6ms, 1, "a");
    then_renewed ? story.Renewed(7ms, second, 5) : story.Refused(7ms, second, Reason::kLeaseEnded);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I4(5,6,7)");
  EXPECT_EQ(found(false), "");
}

TEST(Durability, AnEndedIdIsRememberedForFiveMinutes) {
  const auto found = [](Time asks) {
    Story story;
    const Call release = story.Releases(0s, 1, "a");
    story.Refused(1s, release, Reason::kLeaseNotFound);
    const Call a = story.Acquires(asks, 1, "a", {.expire = 10s});
    story.Granted(asks + 1s, a, 5);
    return story.Found();
  };
  EXPECT_EQ(found(298s), "I4(1,2,3)");
  EXPECT_EQ(found(5min), "");
}

TEST(Durability, AReleaseThatOvertookItsAcquireWins) {
  const auto found = [](Reason reason) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    const Call release = story.Releases(1ms, 1, "a");
    story.Refused(2ms, release, Reason::kLeaseNotFound);
    reason == Reason{} ? story.Granted(3ms, a, 5) : story.Refused(3ms, a, reason);
    return story.Found();
  };
  EXPECT_EQ(found(Reason{}), "I4(2,3)");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Durability, NobodyLosesALeaseThatNobodyEnded) {
  const auto found = [](Reason reason, bool force, bool release) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    if (force) story.Forces(2ms, 2, 5);
    if (release) story.Releases(2ms, 1, "a");
    const Call renewal = story.Renews(3ms, 1, "a");
    story.Refused(4ms, renewal, reason);
    return story.Found();
  };
  EXPECT_EQ(found(Reason::kLeaseForced, false, false), "I4(1,3)");
  EXPECT_EQ(found(Reason::kLeaseForced, true, false), "");
  EXPECT_EQ(found(Reason::kLeaseEnded, false, false), "I4(1,3)");
  EXPECT_EQ(found(Reason::kLeaseEnded, false, true), "");
}

TEST(Durability, TheCauseOfAnEndDoesNotChange) {
  const auto found = [](Reason second) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call first = story.Renews(11s, 1, "a");
    story.Refused(12s, first, Reason::kLeaseExpired);
    story.ServerStops(13s);
    story.ServerStarts(14s);
    const Call release = story.Releases(15s, 1, "a");
    second == Reason{} ? story.Released(16s, release) : story.Refused(16s, release, second);
    return story.Found();
  };
  EXPECT_EQ(found(Reason{}), "I4(3,6,7)");
  EXPECT_EQ(found(Reason::kLeaseForced), "I4(3,6,7)");
  EXPECT_EQ(found(Reason::kLeaseExpired), "");
}

TEST(Durability, ATimedOutIdHasEnded) {
  const auto found = [](bool told, bool requests_may_repeat) {
    Story story;
    const Call a = story.Waits(0s, 1, "a", {.expire = 10s, .timeout = 1s});
    told ? story.Refused(2s, a, Reason::kWaitTimeout) : story.Unanswered(2s, a);
    const Call again = story.Acquires(3s, 1, "a", {.expire = 10s});
    story.Granted(4s, again, 5);
    return story.Found({.liveness_from = kForever, .requests_may_repeat = requests_may_repeat});
  };
  EXPECT_EQ(found(true, false), "I4(1,2,3)");
  EXPECT_EQ(found(true, true), "I4(1,2,3)");
  EXPECT_EQ(found(false, false), "");
}

TEST(Durability, AnIdTimesOutWithAllOfItsCalls) {
  const auto found = [](Reason reason) {
    Story story;
    const Call holder = story.Acquires(0s, 1, "h", {.expire = 20s});
    story.Granted(0s, holder, 4);
    const Call a = story.Waits(0s, 2, "a", {.expire = 10s, .timeout = 1s});
    const Call second = story.Waits(0s, 2, "a", {.expire = 10s, .timeout = 5s});
    story.Refused(2s, a, Reason::kWaitTimeout);
    const Call release = story.Releases(3s, 1, "h");
    story.Released(3s, release);
    reason == Reason{} ? story.Granted(4s, second, 5) : story.Refused(4s, second, reason);
    return story.Found({.liveness_from = kForever});
  };
  EXPECT_EQ(found(Reason{}), "I4(4,7)");
  EXPECT_EQ(found(Reason::kWaitTimeout), "");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Durability, WhoHoldsIsShown) {
  const auto found = [](std::uint64_t shown, Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call get = story.Gets(asks, 2);
    story.Shown(asks + 1s, get, shown);
    return story.Found();
  };
  EXPECT_EQ(found(0, 2s), "I4(1,3)");
  EXPECT_EQ(found(4, 2s), "I4(1,3) I4(1,2,3)");  // 4 was granted before 5.
  EXPECT_EQ(found(5, 2s), "");
  EXPECT_EQ(found(0, 9s), "");  // It may have lapsed just now.
}

TEST(Durability, WhatHasEndedIsNotShown) {
  const auto found = [](std::uint64_t shown) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call release = story.Releases(2ms, 1, "a");
    story.Released(3ms, release);
    const Call get = story.Gets(4ms, 2);
    story.Shown(5ms, get, shown);
    return story.Found();
  };
  EXPECT_EQ(found(5), "I4(3,4,5)");
  EXPECT_EQ(found(0), "");
}

TEST(Durability, AForceReleaseFindsTheHolder) {
  const auto found = [](std::uint64_t named, bool is_found) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call force = story.Forces(2ms, 2, named);
    is_found ? story.Forced(3ms, force, 5) : story.Refused(3ms, force, Reason::kLockNotHeld);
    return story.Found();
  };
  EXPECT_EQ(found(0, false), "I4(1,3)");
  EXPECT_EQ(found(5, false), "I4(1,3)");
  EXPECT_EQ(found(4, false), "");
  EXPECT_EQ(found(5, true), "");
}

TEST(Durability, ALeaseIsForcedOnce) {
  const auto found = [](Reason second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call first = story.Forces(2ms, 2, 5);
    story.Forced(3ms, first, 5);
    const Call again = story.Forces(4ms, 2, 5);
    second == Reason{} ? story.Forced(5ms, again, 5) : story.Refused(5ms, again, second);
    return story.Found();
  };
  EXPECT_EQ(found(Reason{}), "I4(3,4,5)");
  EXPECT_EQ(found(Reason::kLockNotHeld), "");
}

TEST(Durability, AHolderDoesNotQueueBehindItself) {
  const auto found = [](bool queued) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call again = story.Waits(2ms, 1, "a", {.expire = 10s});
    queued ? story.Queued(3ms, again, 1) : story.Granted(3ms, again, 5);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I4(1,3)");
  EXPECT_EQ(found(false), "");
}

}  // namespace
}  // namespace holdfast::history
