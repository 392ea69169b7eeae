// Turns that other threads than the engine's take.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/engine/testing/lock_engine_fixture.h"

namespace holdfast {
namespace {

using ::testing::SizeIs;

// Forgets what it is given, without waiting for anything.
class QuickStore final : public LockStore {
 public:
  explicit QuickStore(absl::Status commit = absl::OkStatus()) : commit_(std::move(commit)) {}

  absl::Status Load(RecordVisitor& /*visitor*/) override { return absl::OkStatus(); }
  absl::Status Commit(const RecordBatch& /*batch*/) override { return commit_; }
  Duration LikelyWait(const RecordBatch& /*batch*/) const override { return {}; }

 private:
  const absl::Status commit_;
};

class TakeTurnTest : public LockEngineTest {
 protected:
  static constexpr auto kAtTakeTurn = LockEngine::Begin::kAtTakeTurn;

  void StartQuick(absl::Status commit = absl::OkStatus()) {
    ASSERT_TRUE(engine_.Start(std::make_unique<QuickStore>(std::move(commit))).ok());
  }
};

TEST_F(TakeTurnTest, AnswersBeforeItReturnsIfThereIsNoDiskToWaitFor) {
  StartQuick();
  for (int round = 0; round < 100; ++round) {
    EngineCaller acquired;
    engine_.Submit(Acquire("k", std::to_string(round)), &acquired, kAtTakeTurn);
    EngineCaller released;
    engine_.Submit(ReleaseCommand{.key = "k", .lease_id = std::to_string(round)}, &released,
                   kAtTakeTurn);
    engine_.TakeTurn();
    // Unless the engine's thread has just begun with the turn of its heartbeat, which
    // takes them too.
    EXPECT_TRUE(std::holds_alternative<Granted>(acquired.Get()));
    EXPECT_TRUE(std::holds_alternative<Released>(released.Get()));
  }
}

// As many as make it worth while to leave the commit to another thread.
TEST_F(TakeTurnTest, DoesNotWaitForADiskWithManyCommands) {
  Start(std::chrono::microseconds(1));
  gate_.Close();
  std::vector<EngineCaller> first(4);
  for (std::size_t i = 0; i < first.size(); ++i) {
    engine_.Submit(Acquire("k" + std::to_string(i), std::to_string(i)), &first[i], kAtTakeTurn);
  }
  engine_.TakeTurn();
  gate_.AwaitArrival();
  EngineCaller second;
  engine_.Submit(GetCommand{"k0"}, &second, kAtTakeTurn);
  engine_.TakeTurn();
  EXPECT_FALSE(first[0].Answered());
  EXPECT_FALSE(second.Answered()) << "it has read what is not durable yet";
  gate_.Open();
  for (EngineCaller& caller : first) EXPECT_TRUE(std::holds_alternative<Granted>(caller.Get()));
  EXPECT_THAT(std::get<Shown>(second.Get()).lock.holders, SizeIs(1));
}

// Says how long its commits are likely to wait, and counts those of each thread.
class DiskStore final : public LockStore {
 public:
  DiskStore(Duration wait, std::map<std::thread::id, int>& commits)
      : wait_(wait), commits_(commits) {}

  absl::Status Load(RecordVisitor& /*visitor*/) override { return absl::OkStatus(); }
  absl::Status Commit(const RecordBatch& /*batch*/) override {
    ++commits_[std::this_thread::get_id()];
    return absl::OkStatus();
  }
  Duration LikelyWait(const RecordBatch& /*batch*/) const override { return wait_; }

 private:
  const Duration wait_;
  std::map<std::thread::id, int>& commits_;
};

// How many of a hundred commits, each for one command, were done by the thread that submitted
// it. The engine's thread may come first with any of them.
int CommitsHere(Duration wait) {
  std::map<std::thread::id, int> commits;
  LockEngine engine(Limits(), SystemClock(), [](const absl::Status& status) { FAIL() << status; });
  EXPECT_TRUE(engine.Start(std::make_unique<DiskStore>(wait, commits)).ok());
  for (int round = 0; round < 100; ++round) {
    EngineCaller caller;
    engine.Submit(AcquireCommand{.spec = {.key = "k", .lease_id = std::to_string(round)}}, &caller,
                  LockEngine::Begin::kAtTakeTurn);
    engine.TakeTurn();
    caller.Get();
    EngineCaller released;
    engine.Submit(ReleaseCommand{.key = "k", .lease_id = std::to_string(round)}, &released,
                  LockEngine::Begin::kAtTakeTurn);
    engine.TakeTurn();
    released.Get();
  }
  engine.Stop();
  return commits[std::this_thread::get_id()];
}

TEST(DiskTest, IsWaitedForWithFewCommandsIfItIsQuick) {
  EXPECT_GT(CommitsHere(std::chrono::milliseconds(1)), 0);
  EXPECT_EQ(CommitsHere(std::chrono::microseconds(1001)), 0);
}

TEST_F(TakeTurnTest, WithNothingSubmittedDoesNothing) {
  engine_.TakeTurn();
  Start();
  engine_.TakeTurn();
  engine_.Drain();
  engine_.Stop();
  engine_.TakeTurn();
  EXPECT_THAT(gate_.batch_sizes(), SizeIs(0));
}

TEST_F(TakeTurnTest, TheEnginesThreadFiresTheTimersThatItSets) {
  StartQuick();
  EngineCaller holder;
  EngineCaller waiter;
  AcquireCommand acquire = Acquire("k", "a");
  acquire.spec.expire = std::chrono::milliseconds(20);
  engine_.Submit(acquire, &holder, kAtTakeTurn);
  engine_.Submit(Acquire("k", "b", kNoTimeout), &waiter, kAtTakeTurn);
  engine_.TakeTurn();
  EXPECT_TRUE(std::holds_alternative<Granted>(waiter.Get()));
}

TEST_F(TakeTurnTest, WhatIsSubmittedWithinATurnIsDoneInTheNext) {
  StartQuick();
  // Releases as soon as it has been granted.
  class Eager final : public CallListener {
   public:
    explicit Eager(LockEngine& engine) : engine_(engine) {}
    void OnOutcome(Outcome /*outcome*/) override {
      engine_.Submit(ReleaseCommand{.key = "k", .lease_id = "a"}, &released, kAtTakeTurn);
      engine_.TakeTurn();
    }
    EngineCaller released;

   private:
    LockEngine& engine_;
  };
  Eager eager(engine_);
  engine_.Submit(Acquire("k", "a"), &eager, kAtTakeTurn);
  engine_.TakeTurn();
  EXPECT_TRUE(std::holds_alternative<Released>(eager.released.Get()));
}

TEST_F(TakeTurnTest, StopAnswersWhatNobodyHasTakenYet) {
  StartQuick();
  EngineCaller caller;
  engine_.Submit(Acquire("k", "a"), &caller, kAtTakeTurn);
  engine_.Stop();
  EXPECT_TRUE(std::holds_alternative<Granted>(caller.Get()));
}

TEST_F(TakeTurnTest, AFailedCommitIsFatalAndAnswersNobody) {
  StartQuick(absl::InternalError("disk"));
  EngineCaller caller;
  engine_.Submit(Acquire("k", "a"), &caller, kAtTakeTurn);
  engine_.TakeTurn();
  EXPECT_EQ(fatal_.get_future().get().message(), "disk");
  EngineCaller late;
  engine_.Submit(Acquire("k", "b"), &late, kAtTakeTurn);
  engine_.TakeTurn();
  EXPECT_EQ(RefusalIn(late.Get()), Refusal::kStopping);
  engine_.Stop();
  EXPECT_FALSE(caller.Answered());
  EXPECT_EQ(engine_.stats().leases, 0u);
}

// Some take turns, some wake the engine's thread; whoever has the turn does it for all.
TEST_F(TakeTurnTest, ManyThreadsTakeTurnsAboutIt) {
  for (const bool quick : {true, false}) {
    LockEngine engine(Limits(), SystemClock(),
                      [](const absl::Status& status) { ADD_FAILURE() << status; });
    std::unique_ptr<LockStore> store;
    if (quick) {
      store = std::make_unique<QuickStore>();
    } else {
      store = std::make_unique<GateStore>(gate_);
    }
    ASSERT_TRUE(engine.Start(std::move(store)).ok());
    ContendForOneLock(
        engine, [](int thread) { return thread % 4 == 0 ? LockEngine::Begin::kNow : kAtTakeTurn; });
    engine.Drain();
  }
}

}  // namespace
}  // namespace holdfast
