// Loop, and the one of real life.

#include "clients/cpp/core/loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "clients/cpp/core/fake_world.h"
#include "clients/cpp/core/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(LoopTest, TaskThatRunsAnotherFinishesFirst) {
  FakeLoop loop;
  std::vector<std::string> order;
  loop.Run([&] {
    loop.Run([&] { order.emplace_back("inner"); });
    order.emplace_back("outer");
  });
  EXPECT_THAT(order, ElementsAre("outer", "inner"));
}

TEST(LoopTest, KnowsWhetherATaskRunsHere) {
  FakeLoop loop;
  EXPECT_FALSE(loop.InTask());
  loop.Run([&] {
    EXPECT_TRUE(loop.InTask());
    std::thread([&] { EXPECT_FALSE(loop.InTask()); }).join();
  });
  EXPECT_FALSE(loop.InTask());
}

TEST(LoopTest, ManyThreadsRunOneTaskAtATime) {
  FakeLoop loop;
  int count = 0;  // Not atomic: the loop is the only guard.
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int task = 0; task < kTasks; ++task) loop.Run([&] { ++count; });
      });
    }
  }
  EXPECT_EQ(count, kThreads * kTasks);
}

class ThreadLoopTest : public testing::Test {
 protected:
  // Sets the alarm, by a task.
  void SetAlarm(Duration from_now) {
    loop_->Run([=, this] { loop_->SetAlarm(loop_->Now() + from_now); });
  }

  std::unique_ptr<ThreadLoop> loop_ = *ThreadLoop::Create();
};

TEST_F(ThreadLoopTest, RingsInATaskWhenItIsTime) {
  Handover<MonotonicTime> rang;
  loop_->OnAlarm([&] {
    EXPECT_TRUE(loop_->InTask());
    rang.Set(loop_->Now());
  });
  const MonotonicTime due = loop_->Now() + 10ms;
  loop_->Run([&] { loop_->SetAlarm(due); });
  EXPECT_GE(rang.Wait(), due);
}

TEST_F(ThreadLoopTest, RingsAtOnceForATimeThatHasPassed) {
  Handover<bool> rang;
  loop_->OnAlarm([&] { rang.Set(true); });
  SetAlarm(-1s);
  rang.Wait();
}

TEST_F(ThreadLoopTest, EarlierAlarmIsNotHeldUpByALaterOne) {
  Handover<bool> rang;
  loop_->OnAlarm([&] { rang.Set(true); });
  SetAlarm(1h);
  SetAlarm(1ms);
  rang.Wait();
}

TEST_F(ThreadLoopTest, RingsAgainWhenItIsSetAgain) {
  int left = 3;
  Handover<bool> done;
  loop_->OnAlarm([&] {
    if (--left > 0) {
      loop_->SetAlarm(loop_->Now() + 1ms);
    } else {
      done.Set(true);
    }
  });
  SetAlarm(1ms);
  done.Wait();
}

TEST_F(ThreadLoopTest, StopsWithTheAlarmSet) {
  loop_->OnAlarm([] { FAIL(); });
  SetAlarm(1h);
  loop_->Stop();
  bool ran = false;
  loop_->Run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(ThreadLoopTest, WithoutADescriptorThereIsNone) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = ThreadLoop::Create().status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

// To go on without timers would be to lose leases without a word.
TEST(ThreadLoopDeathTest, AlarmThatCannotBeSetEndsTheProcess) {
  EXPECT_EXIT(
      {
        const int next = dup(STDERR_FILENO);
        close(next);
        auto loop = *ThreadLoop::Create();
        dup2(STDERR_FILENO, next);  // The timer's descriptor is none of a timer any more.
        loop->Run([&] { loop->SetAlarm(loop->Now() + 1h); });
        _exit(0);
      },
      testing::KilledBySignal(SIGABRT), "timerfd_settime failed");
}

}  // namespace
}  // namespace holdfast::core
