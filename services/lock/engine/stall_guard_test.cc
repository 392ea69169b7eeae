#include "services/lock/engine/stall_guard.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};

// A guard whose last turn ended at kStart.
StallGuard RunningGuard() {
  StallGuard guard;
  guard.MayFire(kStart, std::nullopt);
  guard.TurnEnded(kStart);
  return guard;
}

TEST(StallGuardTest, InOrdinaryLifeTimersFire) {
  StallGuard guard = RunningGuard();
  const Instant now = kStart + StallGuard::kHeartbeat;
  EXPECT_TRUE(guard.MayFire(now, now - milliseconds(1)));
}

TEST(StallGuardTest, AfterALongSleepTimersAreHeldForTheGrace) {
  StallGuard guard = RunningGuard();
  const Instant woken = kStart + seconds(10);
  EXPECT_FALSE(guard.MayFire(woken, woken + milliseconds(5)));
  guard.TurnEnded(woken + StallGuard::kHeartbeat);
  EXPECT_FALSE(guard.MayFire(woken + StallGuard::kGrace - Duration(1), woken));
  EXPECT_TRUE(guard.MayFire(woken + StallGuard::kGrace, woken));
}

TEST(StallGuardTest, AShortDelayIsNoLongSleep) {
  const Instant late = kStart + StallGuard::kHeartbeat + StallGuard::kLate;
  EXPECT_TRUE(RunningGuard().MayFire(late, std::nullopt));
  EXPECT_FALSE(RunningGuard().MayFire(late + Duration(1), std::nullopt));
}

TEST(StallGuardTest, ATimerFoundLateIsHeldOnce) {
  StallGuard guard = RunningGuard();
  const Instant due = kStart + milliseconds(10);
  const Instant woken = due + StallGuard::kLate + Duration(1);
  EXPECT_FALSE(guard.MayFire(woken, due));
  guard.TurnEnded(woken);
  const Instant after = woken + StallGuard::kGrace;
  EXPECT_EQ(guard.grace_end(), after);
  guard.TurnEnded(after - milliseconds(1));
  EXPECT_TRUE(guard.MayFire(after, due)) << "it is late because it was held";
}

TEST(StallGuardTest, ASlowDiskDoesNotKeepLeasesAliveForEver) {
  StallGuard guard = RunningGuard();
  const Instant due = kStart + milliseconds(100);
  Instant now = kStart;
  // Turns that take this long each, one after the other.
  constexpr Duration kTurn = milliseconds(400);
  for (int turn = 0; turn < 10; ++turn) {
    if (guard.MayFire(now, due) && now >= due) {
      EXPECT_LE(now, due + StallGuard::kGrace + 2 * kTurn);
      return;
    }
    now += kTurn;
    guard.TurnEnded(now);
  }
  FAIL() << "the timer never fired";
}

TEST(StallGuardTest, WhatComesDueDuringASlowTurnIsNotLate) {
  StallGuard guard = RunningGuard();
  ASSERT_TRUE(guard.MayFire(kStart, std::nullopt));
  const Instant end = kStart + seconds(3);  // Of a turn.
  guard.TurnEnded(end);
  for (const Duration before : {milliseconds(2'990), milliseconds(200), milliseconds(51)}) {
    EXPECT_TRUE(guard.MayFire(end, end - before));
  }
  EXPECT_TRUE(guard.MayFire(end + StallGuard::kLate, end - milliseconds(200)));
  EXPECT_FALSE(guard.MayFire(end + StallGuard::kLate + Duration(1), end - milliseconds(200)));
}

TEST(StallGuardTest, AStallWithinATurnHoldsTimersFromItsEndOn) {
  StallGuard guard = RunningGuard();
  const Instant end = kStart + seconds(3);  // Of a turn.
  const Instant stall = end - milliseconds(100);
  guard.TurnEnded(end);
  EXPECT_FALSE(guard.MayFire(end, end, stall));
  const Instant grace_end = stall + StallGuard::kGrace;
  guard.TurnEnded(grace_end - Duration(1));
  EXPECT_FALSE(guard.MayFire(grace_end - Duration(1), end, stall));
  EXPECT_TRUE(guard.MayFire(grace_end, end, stall)) << "a stall counts once";
}

TEST(StallGuardTest, AHeartThatBeatsShowsNoStall) {
  Heart heart;
  EXPECT_EQ(heart.LastStall(kStart), std::nullopt) << "it has never beaten";
  Instant now = kStart;
  for (int i = 0; i < 10; ++i, now += Heart::kHeartbeat + Heart::kLate) {
    heart.Beat(now);
    EXPECT_EQ(heart.LastStall(now + Heart::kHeartbeat + Heart::kLate), std::nullopt);
  }
}

TEST(StallGuardTest, AHeartThatStoppedShowsTheEndOfTheStall) {
  Heart heart;
  heart.Beat(kStart);
  const Instant woken = kStart + Heart::kHeartbeat + Heart::kLate + Duration(1);
  EXPECT_EQ(heart.LastStall(woken), woken) << "before it beats again";
  heart.Beat(woken);
  EXPECT_EQ(heart.LastStall(woken + milliseconds(1)), woken);
  heart.Beat(woken + milliseconds(100));
  EXPECT_EQ(heart.LastStall(woken + milliseconds(200)), woken);
}

TEST(StallGuardTest, AStallIsInSightInTheMomentOfTheBeatThatEndsIt) {
  Heart heart;
  const auto time_of = [](int beat) { return Instant(beat * seconds(1)); };
  heart.Beat(time_of(0));
  std::atomic<int> beating{1};
  constexpr int kBeats = 200'000;
  std::thread beats([&] {
    for (int beat = 1; beat <= kBeats; ++beat) {
      beating = beat;
      heart.Beat(time_of(beat));
    }
  });
  int missed = 0;
  for (int beat = 0; beat < kBeats;) {
    beat = beating;
    const std::optional<Instant> stall = heart.LastStall(time_of(beat));
    if (!stall.has_value() || *stall < time_of(beat)) ++missed;
  }
  beats.join();
  EXPECT_EQ(missed, 0);
}

TEST(StallGuardTest, ASecondStallWithinTheGraceBeginsItAnew) {
  StallGuard guard = RunningGuard();
  const Instant woken = kStart + seconds(10);
  EXPECT_FALSE(guard.MayFire(woken, woken));
  guard.TurnEnded(woken);
  const Instant woken_again = woken + seconds(10);
  EXPECT_FALSE(guard.MayFire(woken_again, woken));
}

}  // namespace
}  // namespace holdfast
