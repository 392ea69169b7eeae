#include "tests/support/history/linearizability.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ms;
using std::chrono::operator""s;

std::string Misfits(const Story& story, const Rules& rules = {}) {
  const SearchResult result = CheckLinearizable(story.history(), rules);
  EXPECT_EQ(result.keys_given_up, 0U);
  EXPECT_EQ(result.keys_left_out, 0U);
  return Short(result.violations);
}

TEST(Linearizability, OneHolderAfterAnother) {
  const auto found = [](std::uint64_t second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call b = story.Waits(2ms, 2, "b", {.expire = 10s});
    const Call get = story.Gets(3ms, 3);
    story.Shown(4ms, get, 5);
    const Call release = story.Releases(5ms, 1, "a");
    story.Granted(6ms, b, second);
    story.Released(7ms, release);
    const Call again = story.Gets(8ms, 3);
    story.Shown(9ms, again, second);
    return Misfits(story);
  };
  EXPECT_EQ(found(4), "linearizable(2,6)");  // Tokens rise.
  EXPECT_EQ(found(6), "");
}

TEST(Linearizability, TwoHoldersAtOnce) {
  const auto found = [](Time second) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call b = story.Acquires(second, 2, "b", {.expire = 10s});
    story.Granted(second + 1s, b, 6);
    return Misfits(story);
  };
  EXPECT_EQ(found(8s), "linearizable(2,3)");
  EXPECT_EQ(found(9s), "");  // It has just lapsed.
}

TEST(Linearizability, ALapseTakesItsTimeAfterARestartAsWell) {
  const auto found = [](bool restarted) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ServerStops(8s);
    story.ServerStarts(8s, !restarted);
    const Call renewal = story.Renews(16s, 1, "a");
    story.Refused(17s, renewal, Reason::kLeaseExpired);
    return Misfits(story);
  };
  EXPECT_EQ(found(true), "linearizable(4,5)");
  EXPECT_EQ(found(false), "");
}

TEST(Linearizability, ARenewalNeverBringsTheEndForward) {
  const auto found = [](Duration expire, bool restarted, Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = expire});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(2s, 1, "a", 3s);
    story.Renewed(3s, renewal, 5);
    story.ServerStops(4s);
    story.ServerStarts(4s, !restarted);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return Misfits(story);
  };
  for (const bool restarted : {false, true}) {
    EXPECT_EQ(found(10s, restarted, 9s), "linearizable(6,7)");
    EXPECT_EQ(found(10s, restarted, 10s), "");
    EXPECT_EQ(found(Duration::max(), restarted, 100s), "linearizable(6,7)");
  }
  // Then the renewal has set the expire, with which the restart began anew.
  EXPECT_EQ(found(4s, true, 6'900ms), "linearizable(6,7)");
  EXPECT_EQ(found(4s, true, 7s), "");
}

TEST(Linearizability, AMaxHoldEndsALeaseHoweverItIsRenewed) {
  const auto found = [](bool restarted, Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s, .max_hold = 12s});
    story.Granted(1s, a, 5);
    const Call renewal = story.Renews(9s, 1, "a");
    story.Renewed(9s, renewal, 5, 12s);
    story.ServerStops(10s);
    story.ServerStarts(10s, !restarted);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return Misfits(story);
  };
  EXPECT_EQ(found(false, 11'900ms), "linearizable(6,7)");
  EXPECT_EQ(found(false, 13s), "");
  EXPECT_EQ(found(true, 19'900ms), "linearizable(6,7)");  // The expire, and the max_hold, anew.
  EXPECT_EQ(found(true, 20s), "");
}

TEST(Linearizability, AShorterRenewalMayOrMayNotSetTheExpireOfTheNext) {
  const auto found = [](Time asks) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    const Call shorter = story.Renews(8s, 1, "a", 3s);
    story.Renewed(9s, shorter, 5);
    const Call renewal = story.Renews(10s, 1, "a");
    story.Renewed(10s, renewal, 5);
    const Call late = story.Renews(asks, 1, "a");
    story.Refused(asks, late, Reason::kLeaseExpired);
    return Misfits(story);
  };
  EXPECT_EQ(found(12'900ms), "linearizable(6,7)");
  EXPECT_EQ(found(13s), "");
}

TEST(Linearizability, ACallThatWasNotAnsweredMayHaveItsEffectLater) {
  const auto found = [](bool released) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    if (released) {
      const Call release = story.Releases(2ms, 1, "a");
      story.Unanswered(3ms, release);
    } else {
      const Call get = story.Gets(2ms, 1);
      story.Unanswered(3ms, get);
    }
    const Call renewal = story.Renews(4ms, 1, "a");  // Not yet released,
    story.Renewed(5ms, renewal, 5);
    const Call b = story.Acquires(6ms, 2, "b", {.expire = 10s});  // and now it is.
    story.Granted(7ms, b, 6);
    return Misfits(story);
  };
  EXPECT_EQ(found(false), "linearizable(6,7)");
  EXPECT_EQ(found(true), "");
}

TEST(Linearizability, AnEffectDoesNotComeAndGo) {
  const auto found = [](Reason third) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Unanswered(1ms, a);
    const Call first = story.Renews(2ms, 1, "a");
    story.Refused(3ms, first, Reason::kLeaseNotFound);  // It has not arrived,
    const Call second = story.Renews(4ms, 1, "a");
    story.Renewed(5ms, second, 5);  // it has,
    const Call third_renewal = story.Renews(6ms, 1, "a");
    third == Reason{} ? story.Renewed(7ms, third_renewal, 5)
                      : story.Refused(7ms, third_renewal, third);
    return Misfits(story);
  };
  EXPECT_EQ(found(Reason::kLeaseNotFound), "linearizable(6,7)");  // and it has not?
  EXPECT_EQ(found(Reason{}), "");
}

TEST(Linearizability, ATokenThatNobodyWasToldIsShownOnceAndForAll) {
  const auto found = [](std::uint64_t first, std::uint64_t second) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    story.Unanswered(1ms, a);
    const Call get = story.Gets(2ms, 2);
    story.Shown(3ms, get, first);
    const Call again = story.Gets(4ms, 2);
    story.Shown(5ms, again, second);
    return Misfits(story);
  };
  EXPECT_EQ(found(7, 8), "linearizable(4,5)");
  EXPECT_EQ(found(7, 0), "");  // A grant that nobody took may be given up.
  EXPECT_EQ(found(0, 7), "");
  EXPECT_EQ(found(7, 7), "");
}

TEST(Linearizability, AGrantThatWasToldIsNotGivenUp) {
  const auto found = [](bool told) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    told ? story.Granted(1ms, a, 5) : story.Unanswered(1ms, a);
    const Call again = story.Acquires(2ms, 1, "a");
    story.Unanswered(3ms, again);
    const Call b = story.Acquires(10s, 2, "b");
    story.Granted(11s, b, 6);
    return Misfits(story);
  };
  EXPECT_EQ(found(true), "linearizable(4,5)");
  EXPECT_EQ(found(false), "");
}

TEST(Linearizability, WhoIsRefusedBecauseItIsHeldNeedsAHolder) {
  const auto found = [](Time released) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a", {.expire = 10s});
    story.Granted(1ms, a, 5);
    const Call release = story.Releases(2ms, 1, "a");
    if (released == 3ms) story.Released(3ms, release);
    const Call b = story.Acquires(4ms, 2, "b", {.expire = 10s});
    story.Refused(5ms, b, Reason::kLockHeld);
    if (released > 3ms) story.Released(released, release);
    return Misfits(story);
  };
  EXPECT_EQ(found(3ms), "linearizable(4,5)");
  EXPECT_EQ(found(6ms), "");
}

TEST(Linearizability, WhoWaitsInVainNeedsAHolderAndHasEndedThen) {
  const auto found = [](Reason again) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    story.Granted(1ms, a, 5);
    const Call b = story.Waits(2ms, 2, "b", {.timeout = 1s});
    story.Refused(1'002ms, b, Reason::kWaitTimeout);
    const Call release = story.Releases(1'003ms, 1, "a");
    story.Released(1'004ms, release);
    const Call second = story.Acquires(1'005ms, 2, "b");
    story.Refused(1'006ms, second, again);
    return Misfits(story);
  };
  EXPECT_EQ(found(Reason::kLockHeld), "linearizable(6,7)");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Linearizability, AnIdTimesOutWithAllOfItsCalls) {
  const auto found = [](Reason reason) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    story.Granted(1ms, a, 5);
    const Call b = story.Waits(2ms, 2, "b", {.timeout = 1s});
    const Call again = story.Waits(2ms, 2, "b", {.timeout = std::nullopt});
    story.Refused(1'002ms, b, Reason::kWaitTimeout);
    const Call release = story.Releases(1'003ms, 1, "a");
    story.Released(1'004ms, release);
    reason == Reason{} ? story.Granted(1'005ms, again, 6) : story.Refused(1'005ms, again, reason);
    return Misfits(story);
  };
  EXPECT_EQ(found(Reason{}), "linearizable(3,7)");
  EXPECT_EQ(found(Reason::kLockHeld), "linearizable(3,7)");
  EXPECT_EQ(found(Reason::kWaitTimeout), "");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Linearizability, WithoutATimeoutNobodyTimesOut) {
  const auto found = [](std::optional<Duration> timeout) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    story.Granted(1ms, a, 5);
    const Call b = story.Waits(2ms, 2, "b", {.timeout = timeout});
    story.Refused(1'002ms, b, Reason::kWaitTimeout);
    return Misfits(story);
  };
  EXPECT_EQ(found(std::nullopt), "linearizable(2,3)");
  EXPECT_EQ(found(1s), "");
}

TEST(Linearizability, AReleaseThatOvertookItsAcquireWins) {
  const auto found = [](Reason acquire) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    const Call release = story.Releases(1ms, 1, "a");
    story.Refused(2ms, release, Reason::kLeaseNotFound);
    acquire == Reason{} ? story.Granted(3ms, a, 5) : story.Refused(3ms, a, acquire);
    return Misfits(story);
  };
  EXPECT_EQ(found(Reason{}), "linearizable(1,2)");
  EXPECT_EQ(found(Reason::kLeaseEnded), "");
}

TEST(Linearizability, AWaitingIdIsRenewedInVainAndReleased) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a");
  story.Granted(1ms, a, 5);
  const Call b = story.Waits(2ms, 2, "b");
  story.Queued(3ms, b, 1);
  const Call renewal = story.Renews(4ms, 2, "b");
  story.Refused(5ms, renewal, Reason::kLeaseWaiting);
  const Call release = story.Releases(6ms, 2, "b");
  story.Released(7ms, release);
  story.Refused(8ms, b, Reason::kLeaseEnded);
  EXPECT_EQ(Misfits(story), "");
}

TEST(Linearizability, OneForceReleaseEndsOneLease) {
  const auto found = [](std::uint64_t forced, bool third) {
    Story story;
    const Call a = story.Acquires(0ms, 1, "a");
    story.Granted(1ms, a, 5);
    const Call force = story.Forces(2ms, 9);
    story.Forced(3ms, force, forced);
    const Call b = story.Acquires(4ms, 2, "b");
    story.Granted(5ms, b, 6);
    const Call renewal = story.Renews(6ms, 1, "a");
    story.Refused(7ms, renewal, Reason::kLeaseForced);
    if (third) {
      const Call c = story.Acquires(8ms, 3, "c");
      story.Granted(9ms, c, 7);
    }
    return Misfits(story);
  };
  EXPECT_EQ(found(4, false), "linearizable(2,3)");
  EXPECT_EQ(found(5, true), "linearizable(8,9)");
  EXPECT_EQ(found(5, false), "");
}

TEST(Linearizability, ANetworkThatRepeatsRequestsMayBringAnAcquireTwice) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a");
  story.Granted(1ms, a, 5);
  const Call b = story.Acquires(2ms, 2, "b");
  story.Refused(3ms, b, Reason::kLockHeld);
  const Call release = story.Releases(4ms, 1, "a");
  story.Released(5ms, release);
  const Call get = story.Gets(6ms, 3);
  story.Shown(7ms, get, 6);
  EXPECT_EQ(Misfits(story), "linearizable(6,7)");
  EXPECT_EQ(Misfits(story, {.requests_may_repeat = true}), "");
}

TEST(Linearizability, KeysAreCheckedApart) {
  Story story;
  const Call a = story.Acquires(0ms, 1, "a", {.key = "one"});
  const Call b = story.Acquires(0ms, 2, "b", {.key = "other"});
  story.Granted(1ms, a, 6);
  story.Granted(1ms, b, 5);
  EXPECT_EQ(Misfits(story), "");
  EXPECT_EQ(CheckLinearizable(story.history(), {}).keys_checked, 2U);
}

// `n` clients that all wait at once and are served in the order in which they asked, the
// worst case for the search; `last` is the token of the last.
Story Crowd(std::uint32_t n, std::uint64_t last) {
  Story story;
  std::vector<Call> calls;
  for (std::uint32_t i = 1; i <= n; ++i) {
    calls.push_back(story.Waits(Time(i), i, "lease-" + std::to_string(i), {.expire = 60s}));
  }
  for (std::uint32_t i = 1; i <= n; ++i) {
    story.Granted(i * 1s, calls[i - 1], i == n ? last : i);
    const Call release = story.Releases(i * 1s + 1ms, i, "lease-" + std::to_string(i));
    story.Released(i * 1s + 2ms, release);
  }
  return story;
}

TEST(Linearizability, ACrowdThatFitsIsQuick) {
  const SearchResult result = CheckLinearizable(Crowd(12, 12).history(), {});
  EXPECT_TRUE(result.violations.empty());
  RecordProperty("steps", static_cast<int>(result.steps));
  EXPECT_LE(result.steps, 200U);
}

TEST(Linearizability, ACrowdThatDoesNotFitIsFoundOutOrGivenUp) {
  const Story story = Crowd(10, 9);
  const SearchResult result = CheckLinearizable(story.history(), {});
  EXPECT_EQ(result.keys_checked, 1U);
  EXPECT_EQ(Short(result.violations), "linearizable(9,37)");
  std::printf("20 calls, 10 of them waiting at once, that do not fit: %zu steps\n", result.steps);

  const SearchResult given_up = CheckLinearizable(story.history(), {}, {.steps = 5});
  EXPECT_EQ(given_up.keys_given_up, 1U);
  EXPECT_EQ(given_up.keys_checked, 0U);
  EXPECT_TRUE(given_up.violations.empty());

  const SearchResult left_out = CheckLinearizable(story.history(), {}, {.operations = 19});
  EXPECT_EQ(left_out.keys_left_out, 1U);
}

}  // namespace
}  // namespace holdfast::history
