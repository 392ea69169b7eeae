// Histories that break I8, each with its nearest good neighbour.

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ms;
using std::chrono::operator""s;

TEST(Lapse, NotBeforeTheExpireAfterTheCall) {
  const auto found = [](Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(2s, 1, "a");
    story.Renewed(3s, renewal, 5);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks + 1ms, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(11'900ms), "I8(2,5)");
  EXPECT_EQ(found(11'990ms), "");  // The server's clock may be a little fast.
}

TEST(Lapse, ARenewalThatWasNotAcknowledgedProvesNothing) {
  const auto found = [](bool answered) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(9s, 1, "a");
    answered ? story.Renewed(9'500ms, renewal, 5) : story.Unanswered(9'500ms, renewal);
    const Call late = story.Renews(12s, 1, "a");
    story.Refused(13s, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I8(2,5)");
  EXPECT_EQ(found(false), "");
}

TEST(Lapse, AMaxHoldEndsALeaseHoweverItIsRenewed) {
  const auto found = [](Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s, .max_hold = 12s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(9s, 1, "a");
    story.Renewed(9s, renewal, 5, 12s);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(11'900ms), "I8(2,5)");
  EXPECT_EQ(found(12s), "");
}

TEST(Lapse, AfterARestartTheMaxHoldBeginsAnew) {
  const auto found = [](Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s, .max_hold = 4s});
    story.Granted(1s, a, 5, 4s);
    story.ServerStops(3s);
    story.ServerStarts(3s);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(6'900ms), "I8(2,5)");
  EXPECT_EQ(found(7s), "");
}

TEST(Lapse, AfterARestartTheExpireBeginsAnew) {
  const auto found = [](bool continued) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ServerStops(8s);
    story.ServerStarts(9s, continued);
    const Call late = story.Renews(16s, 1, "a");
    story.Refused(17s, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(false), "I8(2,5)");
  EXPECT_EQ(found(true), "");  // A server that was only paused knows its deadlines.
}

TEST(Lapse, WhatHadLapsedBeforeTheRestartStaysSo) {
  const auto found = [](Time stops) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ServerStops(stops);
    story.ServerStarts(13s);
    const Call b = story.Acquires(14s, 2, "b", {.expire = 10s});
    story.Granted(15s, b, 6);
    return story.Found();
  };
  EXPECT_EQ(found(9s), "I4(1,5)");
  EXPECT_EQ(found(12s), "");
}

TEST(Lapse, AServerThatEndsInGoodOrderLetsLeasesLapseUntilItsEnd) {
  const auto found = [](Time ends) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ServerStops(8s);  // It ceases to serve.
    story.ServerStops(ends);
    story.ServerStarts(13s);
    const Call late = story.Renews(16s, 1, "a");
    story.Refused(17s, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(9s), "I8(3,6)");
  EXPECT_EQ(found(12s), "");
}

TEST(Lapse, TheExpireOfAWaiterBeginsWhenItsPredecessorIsGone) {
  const auto found = [](Time release) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 60s});
    const Call b = story.Waits(1s, 2, "b", {.expire = 10s});
    story.Granted(2s, a, 5);
    const Call releases = story.Releases(release, 1, "a");
    story.Granted(20s, b, 6, release + 5s);
    story.Released(21s, releases);
    const Call renewal = story.Renews(22s, 2, "b");
    story.Refused(23s, renewal, Reason::kLeaseExpired);
    return story.Found({.network = 20s});
  };
  EXPECT_EQ(found(15s), "I8(1,7)");
  EXPECT_EQ(found(12s), "");
}

TEST(Lapse, AShorterExpireTakesNothingBack) {
  const auto found = [](Duration expire, Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 60s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(2s, 1, "a", expire);
    story.Renewed(3s, renewal, 5);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(5s, 59s), "I8(0,5)");
  EXPECT_EQ(found(5s, 60s), "");
  EXPECT_EQ(found(65s, 60s), "I8(2,5)");
}

TEST(Lapse, NorDoesARestartAfterIt) {
  const auto found = [](Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 60s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(2s, 1, "a", 5s);
    story.Renewed(3s, renewal, 5);
    story.ServerStops(8s);
    story.ServerStarts(9s);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(59s), "I8(0,7)");
  EXPECT_EQ(found(60s), "");
}

TEST(Lapse, ALeaseWithoutExpireIsGivenNone) {
  Story story;
  const Call a = story.Acquires(0s, 1, "a");
  story.Granted(1s, a, 5);
  const Call renewal = story.Renews(2s, 1, "a", 5s);
  story.Renewed(3s, renewal, 5);
  const Call late = story.Renews(30s, 1, "a");
  story.Refused(31s, late, Reason::kLeaseExpired);
  EXPECT_EQ(story.Found(), "I8(0,5)");
}

TEST(Lapse, AShorterExpireThatAnotherReplacedCountsNoMore) {
  const auto found = [](bool replaced) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call shorter = story.Renews(2s, 1, "a", 5s);
    story.Renewed(3s, shorter, 5);
    const Call longer = story.Renews(4s, 1, "a", replaced ? 60s : 5s);
    story.Renewed(5s, longer, 5);
    const Call late = story.Renews(10s, 1, "a");
    story.Refused(11s, late, Reason::kLeaseExpired);
    return story.Found();
  };
  EXPECT_EQ(found(true), "I8(4,7)");
  EXPECT_EQ(found(false), "");
}

}  // namespace
}  // namespace holdfast::history
