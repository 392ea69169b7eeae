// SerialQueue and TaskTimers, and the scheduler of real life that is made of them.

#include "clients/cpp/core/scheduler.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "clients/cpp/core/rendezvous.h"
#include "clients/cpp/core/serial_queue.h"
#include "clients/cpp/core/task_timers.h"
#include "clients/cpp/core/thread_scheduler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr MonotonicTime At(Duration since_boot) { return MonotonicTime(since_boot); }

TEST(SerialQueueTest, TaskThatRunsAnotherFinishesFirst) {
  SerialQueue queue;
  std::vector<std::string> order;
  queue.Run([&] {
    queue.Run([&] { order.emplace_back("inner"); });
    order.emplace_back("outer");
  });
  EXPECT_THAT(order, ElementsAre("outer", "inner"));
}

TEST(SerialQueueTest, KnowsWhetherATaskRunsHere) {
  SerialQueue queue;
  EXPECT_FALSE(queue.RunningHere());
  queue.Run([&] {
    EXPECT_TRUE(queue.RunningHere());
    std::thread([&] { EXPECT_FALSE(queue.RunningHere()); }).join();
  });
  EXPECT_FALSE(queue.RunningHere());
}

TEST(SerialQueueTest, ManyThreadsRunOneTaskAtATime) {
  SerialQueue queue;
  int count = 0;  // Not atomic: the queue is the only guard.
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int task = 0; task < kTasks; ++task) queue.Run([&] { ++count; });
      });
    }
  }
  EXPECT_EQ(count, kThreads * kTasks);
}

TEST(TaskTimersTest, GivesWhatIsDueInOrder) {
  TaskTimers timers;
  std::vector<int> ran;
  timers.Add(At(2s), [&] { ran.push_back(3); });
  timers.Add(At(1s), [&] { ran.push_back(1); });
  timers.Add(At(1s), [&] { ran.push_back(2); });
  timers.Add(At(3s), [&] { ran.push_back(4); });
  EXPECT_EQ(timers.NextTime(), At(1s));
  while (Task task = timers.TakeDue(At(2s))) std::move(task)();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
  EXPECT_EQ(timers.NextTime(), At(3s));
}

TEST(TaskTimersTest, RemovedTimerIsGone) {
  TaskTimers timers;
  const TimerId id = timers.Add(At(1s), [] { FAIL(); });
  timers.Remove(id);
  timers.Remove(id);
  timers.Remove(TimerId());
  EXPECT_EQ(timers.TakeDue(At(2s)), nullptr);
  EXPECT_EQ(timers.NextTime(), MonotonicTime::max());
}

TEST(ThreadSchedulerTest, RunsTimersInTheOrderInWhichTheyAreDue) {
  auto scheduler = *ThreadScheduler::Create();
  std::vector<int> ran;
  Rendezvous<bool> done;
  scheduler->Run([&] {
    const MonotonicTime now = scheduler->Now();
    scheduler->At(now + 20ms, [&] {
      ran.push_back(3);
      done.Set(true);
    });
    scheduler->At(now + 10ms, [&, now] {
      EXPECT_TRUE(scheduler->InTask());
      EXPECT_GE(scheduler->Now(), now + 10ms);
      ran.push_back(2);
    });
    scheduler->At(now - 1s, [&] { ran.push_back(1); });
  });
  done.Wait();
  scheduler->Stop();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST(ThreadSchedulerTest, TimerMaySetTimersAndCancelOthers) {
  auto scheduler = *ThreadScheduler::Create();
  Rendezvous<bool> done;
  scheduler->Run([&] {
    const MonotonicTime now = scheduler->Now();
    const TimerId doomed = scheduler->At(now + 20ms, [] { FAIL(); });
    scheduler->At(now + 5ms, [&, doomed] {
      scheduler->Cancel(doomed);
      scheduler->At(scheduler->Now() + 30ms, [&] { done.Set(true); });
    });
  });
  done.Wait();
}

TEST(ThreadSchedulerTest, EarlierTimerIsNotHeldUpByALaterOne) {
  auto scheduler = *ThreadScheduler::Create();
  Rendezvous<bool> done;
  scheduler->Run([&] { scheduler->At(scheduler->Now() + 1h, [] {}); });
  scheduler->Run([&] { scheduler->At(scheduler->Now() + 1ms, [&] { done.Set(true); }); });
  done.Wait();
}

TEST(ThreadSchedulerTest, LaterTimerDoesNotPutOffAnEarlierOne) {
  auto scheduler = *ThreadScheduler::Create();
  Rendezvous<bool> done;
  scheduler->Run([&] {
    scheduler->At(scheduler->Now() + 1ms, [&] { done.Set(true); });
    scheduler->At(scheduler->Now() + 1h, [] {});
  });
  done.Wait();
}

TEST(ThreadSchedulerTest, TimerRunsAlsoAfterThereWereNone) {
  auto scheduler = *ThreadScheduler::Create();
  for (int i = 0; i < 2; ++i) {
    Rendezvous<bool> done;
    scheduler->Run([&] { scheduler->At(scheduler->Now() + 1ms, [&] { done.Set(true); }); });
    done.Wait();
  }
}

TEST(ThreadSchedulerTest, StopsWithTimersLeft) {
  auto scheduler = *ThreadScheduler::Create();
  scheduler->Run([&] { scheduler->At(scheduler->Now() + 1h, [] { FAIL(); }); });
  scheduler->Stop();
  bool ran = false;
  scheduler->Run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(ThreadSchedulerTest, WithoutADescriptorThereIsNone) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = ThreadScheduler::Create().status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

// To go on without timers would be to lose leases without a word.
TEST(ThreadSchedulerDeathTest, TimerThatCannotBeSetEndsTheProcess) {
  EXPECT_EXIT(
      {
        const int next = dup(STDERR_FILENO);
        close(next);
        auto scheduler = *ThreadScheduler::Create();
        dup2(STDERR_FILENO, next);  // The timer's descriptor is none of a timer any more.
        scheduler->Run([&] { scheduler->At(scheduler->Now() + 1h, [] {}); });
        _exit(0);
      },
      testing::KilledBySignal(SIGABRT), "timerfd_settime failed");
}

}  // namespace
}  // namespace holdfast::core
