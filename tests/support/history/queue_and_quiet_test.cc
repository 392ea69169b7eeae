// Histories that break I5, I6 and I7, each with its nearest good neighbour.

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/history/story.h"

namespace holdfast::history {
namespace {

using std::chrono::operator""ms;
using std::chrono::operator""s;

// ---- I5: first in, first out.

// A holder, and two, or only the first of them, that queue behind it.
struct Queue {
  explicit Queue(bool two = true) {
    holder = story.Acquires(0ms, 1, "h", {.expire = 10s});        // 0
    story.Granted(1ms, holder, 5);                                // 1
    first = story.Waits(2ms, 2, "a", {.expire = 10s});            // 2
    if (two) second = story.Waits(3ms, 3, "b", {.expire = 10s});  // 3
    story.Queued(4ms, first, 1);                                  // 4, or 3
    if (two) story.Queued(4ms, second, 2);                        // 5
  }
  void HolderReleases() {
    const Call release = story.Releases(10ms, 1, "h");
    story.Released(11ms, release);
  }

  Story story;
  Call holder;
  Call first;
  Call second;
};

TEST(Fifo, TheFirstInTheQueueIsGrantedFirst) {
  const auto found = [](std::uint64_t first, std::uint64_t second) {
    Queue queue;
    queue.HolderReleases();
    queue.story.Granted(12ms, first < second ? queue.first : queue.second, 6);
    const Call release = queue.story.Releases(13ms, 2, first < second ? "a" : "b");
    queue.story.Released(14ms, release);
    queue.story.Granted(15ms, first < second ? queue.second : queue.first, 7);
    return queue.story.Found({.network = 1ms});
  };
  EXPECT_EQ(found(7, 6), "I5(4,8)");
  EXPECT_EQ(found(6, 7), "");
}

TEST(Fifo, WhoNeverGotItWasPassedOverAsWell) {
  const auto found = [](Duration timeout) {
    Queue queue;
    const Call third = queue.story.Waits(5ms, 4, "c", {.expire = 10s, .timeout = timeout});
    queue.story.Queued(6ms, third, 3);
    const Call fourth = queue.story.Waits(7ms, 5, "d", {.expire = 10s});
    queue.story.Queued(8ms, fourth, 4);
    queue.story.Unanswered(8ms, queue.first);
    queue.story.Unanswered(8ms, queue.second);
    queue.HolderReleases();
    queue.story.Granted(12ms, fourth, 6);
    queue.story.Refused(20ms, third, Reason::kWaitTimeout);
    return queue.story.Found({.network = 15ms});
  };
  EXPECT_EQ(found(10ms), "I5(7,14)");
  EXPECT_EQ(found(5ms), "");  // Its time was up, and the answer is on its way.
}

TEST(Fifo, TheTimeoutOfAnotherCallEndsTheWaitAsWell) {
  const auto found = [](Duration timeout) {
    Queue queue;
    const Call third = queue.story.Waits(5ms, 4, "c", {.expire = 10s, .timeout = std::nullopt});
    const Call again = queue.story.Waits(5ms, 4, "c", {.expire = 10s, .timeout = timeout});
    queue.story.Queued(6ms, third, 3);
    const Call fourth = queue.story.Waits(7ms, 5, "d", {.expire = 10s});
    queue.story.Queued(8ms, fourth, 4);
    queue.story.Unanswered(8ms, queue.first);
    queue.story.Unanswered(8ms, queue.second);
    queue.HolderReleases();
    queue.story.Granted(12ms, fourth, 6);
    queue.story.Unanswered(40ms, third);
    queue.story.Unanswered(40ms, again);
    return queue.story.Found({.network = 5ms});
  };
  EXPECT_EQ(found(100ms), "I5(8,15)");
  EXPECT_EQ(found(5ms), "");
}

TEST(Fifo, AWaiterWhoseCallWasCutOffIsPassedOver) {
  const auto found = [](Time cut_off) {
    Queue queue;
    if (cut_off == 9ms) queue.story.Unanswered(9ms, queue.first);
    queue.HolderReleases();
    queue.story.Granted(12ms, queue.second, 6);
    if (cut_off > 9ms) queue.story.Unanswered(cut_off, queue.first);
    return queue.story.Found({.network = 5ms});
  };
  EXPECT_EQ(found(20ms), "I5(4,8)");
  EXPECT_EQ(found(15ms), "");  // The server may have noticed before.
  EXPECT_EQ(found(9ms), "");
}

TEST(Fifo, AWaiterThatIsPausedKeepsItsTurn) {
  const auto found = [](bool dies) {
    Queue queue;
    queue.story.ClientStops(9ms, 2);
    queue.HolderReleases();
    queue.story.Granted(12ms, queue.second, 6);
    if (!dies) {
      queue.story.ClientContinues(20ms, 2);
      queue.story.Unanswered(30ms, queue.first);
    }
    return queue.story.Found();
  };
  EXPECT_EQ(found(false), "I5(4,9)");
  EXPECT_EQ(found(true), "");
}

TEST(Fifo, WhoCameBackTooLateIsNotBefore) {
  const auto found = [](Time comes_back) {
    Queue queue;
    queue.story.Unanswered(5ms, queue.first);
    Call again;
    const auto come_back = [&] {
      again = queue.story.Waits(comes_back, 2, "a", {.expire = 10s});
      queue.story.Queued(comes_back, again, 1);  // The place that it had.
    };
    if (comes_back < 10ms) come_back();
    queue.HolderReleases();
    if (comes_back > 10ms) come_back();
    queue.story.Granted(12ms, queue.second, 6);
    const Call release = queue.story.Releases(13ms, 3, "b");
    queue.story.Released(14ms, release);
    queue.story.Granted(15ms, again, 7);
    return queue.story.Found({.network = 1ms});
  };
  EXPECT_EQ(found(6ms), "I5(8,11)");
  EXPECT_EQ(found(11ms), "");
}

TEST(Fifo, WhoAsksLaterDoesNotPassTheQueue) {
  const auto found = [](bool granted) {
    Queue queue;
    queue.HolderReleases();
    const Call passer = queue.story.Acquires(12ms, 9, "p", {.expire = 10s});
    if (granted) {
      queue.story.Granted(13ms, passer, 6);
      queue.story.Unanswered(30ms, queue.first);
    } else {
      queue.story.Granted(13ms, queue.first, 6);
      queue.story.Refused(14ms, passer, Reason::kLockHeld);
    }
    return queue.story.Found({.network = 5ms});
  };
  EXPECT_EQ(found(true), "I5(4,9)");
  EXPECT_EQ(found(false), "");
}

TEST(Fifo, ARestartedServerHasNoQueueAndAPausedOneHas) {
  const auto found = [](bool continued) {
    Queue queue;
    queue.story.ServerStops(5ms);
    queue.story.ServerStarts(6ms, continued);
    if (!continued) queue.story.Unanswered(7ms, queue.first);
    queue.HolderReleases();
    if (!continued) {
      queue.second = queue.story.Waits(11ms, 3, "b", {.expire = 10s});
    }
    queue.story.Granted(12ms, queue.second, 6);
    if (continued) queue.story.Unanswered(13ms, queue.first);
    return queue.story.Found();
  };
  EXPECT_EQ(found(true), "I5(4,10)");
  EXPECT_EQ(found(false), "");
}

TEST(Fifo, APlaceDoesNotChange) {
  const auto found = [](std::uint64_t place) {
    Queue queue;
    queue.story.Queued(1s, queue.first, place);
    return queue.story.Found();
  };
  EXPECT_EQ(found(7), "I5(4,6)");
  EXPECT_EQ(found(2), "I5(4,6)");
  EXPECT_EQ(found(1), "");
}

TEST(Fifo, TwoDoNotHaveOnePlace) {
  const auto found = [](std::uint64_t place) {
    Queue queue;
    const Call third = queue.story.Waits(5ms, 4, "c", {.expire = 10s});
    queue.story.Queued(6ms, third, place);
    return queue.story.Found();
  };
  EXPECT_EQ(found(2), "I5(5,7)");
  EXPECT_EQ(found(3), "");
}

TEST(Fifo, WhoAsksLaterHasALaterPlace) {
  const auto found = [](std::uint64_t first_place) {
    Story story;
    const Call holder = story.Acquires(0ms, 1, "h", {.expire = 10s});
    story.Granted(1ms, holder, 5);
    const Call a = story.Waits(2ms, 2, "a", {.expire = 10s});
    story.Queued(3ms, a, first_place);
    const Call b = story.Waits(4ms, 3, "b", {.expire = 10s});
    story.Queued(5ms, b, 8);
    return story.Found();
  };
  EXPECT_EQ(found(9), "I5(3,4,5)");
  EXPECT_EQ(found(7), "");
}

// ---- I6: quiet.

TEST(Quiet, NothingIsLeftOver) {
  const auto found = [](const Quiet& left, const Rules& rules = {}) {
    Story story;
    story.ServerStarts(0s);
    story.IsQuiet(1s, left);
    return story.Found(rules);
  };
  EXPECT_EQ(found({.leases = 1}), "I6(1)");
  EXPECT_EQ(found({.waiters = 1}), "I6(1)");
  EXPECT_EQ(found({.open_calls = 1}), "I6(1)");
  EXPECT_EQ(found({.timers = 1}), "I6(1)");
  EXPECT_EQ(found({.watches = 1}), "I6(1)");
  EXPECT_EQ(found({.file_descriptors = 1}), "I6(1)");
  EXPECT_EQ(found({.leases = 2, .timers = 2}, {.leases_that_stay = 2}), "");
  EXPECT_EQ(found({}), "");
  EXPECT_EQ(found({.leases = 0,
                   .waiters = 0,
                   .open_calls = 0,
                   .timers = 0,
                   .watches = 0,
                   .file_descriptors = -2}),
            "");
}

// ---- I7: liveness.

TEST(Liveness, AReleasedLockIsGrantedAtOnce) {
  const auto found = [](Time granted) {
    Queue queue(/*two=*/false);
    queue.HolderReleases();
    queue.story.Granted(granted, queue.first, 6);
    return queue.story.Found({.network = 10ms});
  };
  EXPECT_EQ(found(122ms), "I7(2,5,6)");
  EXPECT_EQ(found(121ms), "");
}

TEST(Liveness, ALapsedLockIsGrantedAtOnce) {
  const auto found = [](Time granted) {
    Story story;
    const Call a = story.Acquires(0s, 1, "a", {.expire = 10s});
    story.Granted(1s, a, 5);
    story.ClientStops(2s, 1);
    const Call b = story.Waits(3s, 2, "b", {.expire = 10s});
    story.Granted(granted, b, 6);
    return story.Found();
  };
  // The grant at 1 s, the expire, a clock that is slow by 2 in a thousand, the second that
  // a lapse may take, and the tenth of a second of a grant.
  EXPECT_EQ(found(12'121ms), "I7(0,3,4)");
  EXPECT_EQ(found(12'120ms), "");
}

TEST(Liveness, WhoWaitsInVainForAFreeLockIsPassedBy) {
  const auto found = [](Duration timeout) {
    Queue queue;
    queue.story.Unanswered(5ms, queue.first);
    queue.story.Unanswered(5ms, queue.second);
    const Call third = queue.story.Waits(6ms, 4, "c", {.expire = 10s, .timeout = timeout});
    queue.story.Queued(7ms, third, 3);
    const Call first = queue.story.Releases(8ms, 2, "a");
    const Call second = queue.story.Releases(8ms, 3, "b");
    queue.story.Released(9ms, first);
    queue.story.Released(9ms, second);
    queue.HolderReleases();
    queue.story.Refused(6ms + timeout + 1ms, third, Reason::kWaitTimeout);
    return queue.story.Found();
  };
  EXPECT_EQ(found(200ms), "I7(8,15,16)");
  EXPECT_EQ(found(100ms), "");
}

TEST(Liveness, ThoseInLineAreServedOneAfterAnother) {
  const auto found = [](Duration hold, Duration gap) {
    Story story;
    Call calls[5];
    const char* const leases[5] = {"a", "b", "c", "d", "e"};
    for (std::uint32_t i = 0; i < 5; ++i) {
      calls[i] = story.Waits(Time(i), i + 1, leases[i], {.expire = 10s});
    }
    Time now = 1ms;
    for (std::uint32_t i = 0; i < 5; ++i) {
      story.Granted(now, calls[i], i + 1, now + 9s);
      const Call release = story.Releases(now + hold, i + 1, leases[i]);
      story.Released(now + hold, release);
      now += hold + gap;
    }
    return story.Found();
  };
  EXPECT_EQ(found(5s, 90ms), "");
  EXPECT_NE(found(5s, 110ms), "");
}

TEST(Liveness, ALockThatMayBeHeldIsNotFree) {
  const auto found = [](bool cleaned_up) {
    Queue queue;
    queue.story.ClientStops(5ms, 2);  // The first in the queue dies.
    queue.HolderReleases();
    if (cleaned_up) {
      const Call clean_up = queue.story.Releases(12ms, 4, "a");
      queue.story.Released(13ms, clean_up);
    }
    // It may have been granted the lock before the server noticed.
    queue.story.Granted(5s, queue.second, 7);
    return queue.story.Found();
  };
  EXPECT_EQ(found(true), "I7(3,10,11)");
  EXPECT_EQ(found(false), "");
}

TEST(Liveness, TheTimeOfPausesAndOfAnAbsentServerDoesNotCount) {
  const auto found = [](bool paused, bool stopped) {
    Queue queue(/*two=*/false);
    queue.HolderReleases();
    if (paused) queue.story.ClientStops(20ms, 2);
    if (stopped) queue.story.ServerStops(20ms);
    if (paused) queue.story.ClientContinues(1s, 2);
    if (stopped) queue.story.ServerStarts(1s, true);
    queue.story.Granted(1'020ms, queue.first, 6);
    return queue.story.Found({.network = 10ms});
  };
  EXPECT_EQ(found(false, false), "I7(2,5,6)");
  EXPECT_EQ(found(true, false), "");
  EXPECT_EQ(found(false, true), "");
}

TEST(Liveness, ManyThatWaitDoNotExcuseEachOther) {
  Queue queue;
  queue.HolderReleases();  // And nobody is granted the lock.
  queue.story.Unanswered(1s, queue.first);
  queue.story.Unanswered(1s, queue.second);
  EXPECT_EQ(queue.story.Found(), "I7(2,7,8) I7(3,7,9)");
  // Unless one of them was, and the network has lost the answer.
  EXPECT_EQ(queue.story.Found({.answers_may_be_lost = true}), "");
}

TEST(Liveness, IsCheckedFromTheMomentThatTheRulesName) {
  Queue queue;
  queue.HolderReleases();
  queue.story.Granted(1s, queue.first, 6);
  EXPECT_EQ(queue.story.Found(), "I7(2,7,8) I7(3,7)");
  EXPECT_EQ(queue.story.Found({.liveness_from = 900ms}), "");
  EXPECT_EQ(queue.story.Found({.liveness_from = kForever}), "");
}

}  // namespace
}  // namespace holdfast::history
