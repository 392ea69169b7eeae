// The engine with its thread. What the table decides is tested beside it; here
// are the promises that threads could break.

#include "services/lock/engine/lock_engine.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/testing/lock_engine_fixture.h"

namespace holdfast {
namespace {

using ::testing::SizeIs;

TEST_F(LockEngineTest, BeforeItsStartCommandsAreRefused) {
  EngineCaller caller;
  engine_.Submit(Acquire("k", "a"), &caller);
  EXPECT_EQ(RefusalIn(caller.Get()), Refusal::kStarting);
}

TEST_F(LockEngineTest, WhileItLoadsCommandsAreRefused) {
  gate_.Close();
  std::thread starting([this] { Start(); });
  gate_.AwaitArrival();
  EngineCaller caller;
  engine_.Submit(Acquire("k", "a"), &caller);
  EXPECT_EQ(RefusalIn(caller.Get()), Refusal::kStarting);
  gate_.Open();
  starting.join();
  EXPECT_FALSE(engine_.AbandonStart()) << "too late";
  EngineCaller second;
  engine_.Submit(Acquire("k", "a"), &second);
  EXPECT_TRUE(std::holds_alternative<Granted>(second.Get()));
}

TEST_F(LockEngineTest, AnAbandonedStartServesNobody) {
  gate_.Close();
  std::future<absl::Status> starting = std::async(
      std::launch::async, [this] { return engine_.Start(std::make_unique<GateStore>(gate_)); });
  gate_.AwaitArrival();
  EXPECT_TRUE(engine_.AbandonStart());
  EXPECT_FALSE(engine_.AbandonStart());
  EngineCaller meanwhile;
  engine_.Submit(Acquire("k", "a"), &meanwhile);
  EXPECT_EQ(RefusalIn(meanwhile.Get()), Refusal::kStopping);
  gate_.Open();
  EXPECT_EQ(starting.get().code(), absl::StatusCode::kCancelled);
  EngineCaller late;
  engine_.Submit(Acquire("k", "b"), &late);
  EXPECT_EQ(RefusalIn(late.Get()), Refusal::kStopping);
  engine_.Drain();
  engine_.Stop();
}

TEST_F(LockEngineTest, NothingIsToldBeforeItsCommit) {
  Start();
  gate_.Close();
  EngineCaller first;
  engine_.Submit(Acquire("k", "a"), &first);
  gate_.AwaitArrival();
  EngineCaller reader;
  engine_.Submit(GetCommand{"k"}, &reader);
  EXPECT_FALSE(first.Answered());
  EXPECT_FALSE(reader.Answered());
  gate_.Open();
  EXPECT_TRUE(std::holds_alternative<Granted>(first.Get()));
  EXPECT_THAT(std::get<Shown>(reader.Get()).lock.holders, SizeIs(1));
}

TEST_F(LockEngineTest, WhatComesDuringACommitSharesTheNext) {
  Start();
  gate_.Close();
  EngineCaller first;
  engine_.Submit(Acquire("first", "first"), &first);
  gate_.AwaitArrival();
  std::vector<EngineCaller> callers(50);
  for (std::size_t i = 0; i < callers.size(); ++i) {
    const std::string name = std::to_string(i);
    engine_.Submit(Acquire(name, name), &callers[i]);
  }
  gate_.Open();
  for (EngineCaller& caller : callers) EXPECT_TRUE(std::holds_alternative<Granted>(caller.Get()));
  EXPECT_THAT(gate_.batch_sizes(), SizeIs(2));
}

TEST_F(LockEngineTest, AFullMailboxRefusesAtOnce) {
  Start();
  gate_.Close();
  EngineCaller first;
  engine_.Submit(Acquire("first", "first"), &first);
  gate_.AwaitArrival();
  std::vector<EngineCaller> callers(101);
  for (EngineCaller& caller : callers) engine_.Submit(GetCommand{"k"}, &caller);
  ASSERT_TRUE(callers.back().Answered());
  const Outcome refused = callers.back().Get();
  EXPECT_EQ(RefusalIn(refused), Refusal::kLimitExceeded);
  EXPECT_EQ(std::get<Refused>(refused).name, "max_pending_commands");
  EXPECT_FALSE(callers.front().Answered());
  gate_.Open();
  engine_.Drain();
}

TEST_F(LockEngineTest, ACancelledWaiterIsAnsweredOnce) {
  Start();
  EngineCaller holder;
  EngineCaller waiter;
  engine_.Submit(Acquire("k", "a"), &holder);
  const CallId call = engine_.Submit(Acquire("k", "b", kNoTimeout), &waiter);
  engine_.Cancel(call);
  engine_.Cancel(call);
  EXPECT_EQ(RefusalIn(waiter.Get()), Refusal::kCancelled);
  engine_.Drain();
}

TEST_F(LockEngineTest, DrainingAnswersAllWhoWaitAndRefusesAllWhoCome) {
  Start();
  EngineCaller holder;
  engine_.Submit(Acquire("k", "holder"), &holder);
  std::vector<EngineCaller> waiters(50);
  for (std::size_t i = 0; i < waiters.size(); ++i) {
    engine_.Submit(Acquire("k", "w" + std::to_string(i), kNoTimeout), &waiters[i]);
  }
  engine_.Drain();
  for (EngineCaller& waiter : waiters) {
    ASSERT_TRUE(waiter.Answered()) << "Drain returns only when all have been told";
    EXPECT_EQ(RefusalIn(waiter.Get()), Refusal::kStopping);
  }
  EngineCaller late;
  engine_.Submit(Acquire("k", "late"), &late);
  EXPECT_EQ(RefusalIn(late.Get()), Refusal::kStopping);
}

TEST_F(LockEngineTest, AFailedCommitIsFatalAndAnswersNobody) {
  Start();
  gate_.FailWith(absl::InternalError("disk"));
  EngineCaller caller;
  engine_.Submit(Acquire("k", "a"), &caller);
  EXPECT_EQ(fatal_.get_future().get().message(), "disk");
  engine_.Stop();
  EXPECT_FALSE(caller.Answered());
  EXPECT_EQ(engine_.stats().leases, 0u) << "what was not stored has not happened";
  EngineCaller late;
  engine_.Submit(Acquire("k", "b"), &late);
  EXPECT_EQ(RefusalIn(late.Get()), Refusal::kStopping);
}

TEST_F(LockEngineTest, ALeaseLapsesWithoutAnybodyAsking) {
  Start();
  EngineCaller holder;
  EngineCaller waiter;
  AcquireCommand acquire = Acquire("k", "a");
  acquire.spec.expire = std::chrono::milliseconds(20);
  engine_.Submit(acquire, &holder);
  engine_.Submit(Acquire("k", "b", kNoTimeout), &waiter);
  EXPECT_TRUE(std::holds_alternative<Granted>(waiter.Get()));
}

TEST_F(LockEngineTest, ThoseWhoAreToldOfATurnFindItInTheStats) {
  Start();
  EngineCaller holder;
  engine_.Submit(Acquire("k", "a"), &holder);
  EXPECT_TRUE(std::holds_alternative<Granted>(holder.Get()));
  EXPECT_EQ(engine_.stats().leases, 1u);
}

// Keeps why its stream has ended.
class Stream final : public SessionListener {
 public:
  void OnOutcomes(std::vector<SessionOutcome> /*outcomes*/) override {}
  void OnEnded(const Refused& reason) override { end_.set_value(reason.reason); }
  Refusal End() { return end_.get_future().get(); }

 private:
  std::promise<Refusal> end_;
};

TEST_F(LockEngineTest, AStreamIsRefusedBeforeTheStartAndAfterTheStop) {
  Stream early;
  engine_.OpenStream({.session_id = "s"}, 1, &early);
  EXPECT_EQ(early.End(), Refusal::kStarting);
  Start();
  Stream open;
  engine_.OpenStream({.session_id = "s"}, 1, &open);
  engine_.Drain();
  EXPECT_EQ(open.End(), Refusal::kStopping);
  Stream late;
  engine_.OpenStream({.session_id = "s"}, 1, &late);
  EXPECT_EQ(late.End(), Refusal::kStopping);
}

// A store with one lease for each number up to `count`.
class FullStore final : public LockStore {
 public:
  explicit FullStore(std::uint64_t count) : count_(count) {}

  absl::Status Load(RecordVisitor& visitor) override {
    for (std::uint64_t i = 1; i <= count_; ++i) {
      const std::string name = std::to_string(i);
      visitor.OnLease({.spec = {.key = name, .lease_id = name}, .fencing_token = i});
    }
    visitor.OnReservedTokens(count_);
    return absl::OkStatus();
  }
  absl::Status Commit(const RecordBatch& /*batch*/) override { return absl::OkStatus(); }

 private:
  const std::uint64_t count_;
};

TEST_F(LockEngineTest, WhatIsLoadedIsInTheStatsAtOnce) {
  ASSERT_TRUE(engine_.Start(std::make_unique<FullStore>(3)).ok());
  EXPECT_EQ(engine_.stats().leases, 3u);
}

TEST_F(LockEngineTest, AWatchGoesOnWithTheNextPageWhenItsReaderAsks) {
  // Asks for the next page until there is none.
  class Reader final : public CallListener {
   public:
    explicit Reader(LockEngine& engine) : engine_(engine) {}
    void OnOutcome(Outcome outcome) override {
      const auto* page = std::get_if<Watched>(&outcome);
      if (page == nullptr) return;
      held_ += page->events.size();
      if (page->snapshot_continues) {
        engine_.ContinueWatch(call_.get());
      } else {
        complete_.set_value(held_ - 1);  // Without the end of the snapshot.
      }
    }
    void Begin(CallId call) { begun_.set_value(call); }
    std::size_t Held() { return complete_.get_future().get(); }

   private:
    LockEngine& engine_;
    std::promise<CallId> begun_;
    std::shared_future<CallId> call_ = begun_.get_future();
    std::size_t held_ = 0;
    std::promise<std::size_t> complete_;
  };

  constexpr std::size_t kLeases = 3 * WatchHub::kLeasesPerPage;
  ASSERT_TRUE(engine_.Start(std::make_unique<FullStore>(kLeases)).ok());
  Reader reader(engine_);
  reader.Begin(engine_.Submit(WatchCommand{}, &reader));
  EXPECT_EQ(reader.Held(), kLeases);
  engine_.Stop();
}

TEST_F(LockEngineTest, AGrantThatDidNotArriveGoesToTheNext) {
  LockEngine engine(Limits{.reattach_window = std::chrono::milliseconds(1)}, SystemClock(),
                    [](const absl::Status& status) { ADD_FAILURE() << status; });
  ASSERT_TRUE(engine.Start(std::make_unique<GateStore>(gate_)).ok());
  EngineCaller gone;
  EngineCaller next;
  engine.Submit(Acquire("k", "a"), &gone);
  engine.Submit(Acquire("k", "b", kNoTimeout), &next);
  const std::uint64_t token = std::get<Granted>(gone.Get()).lease.lease.fencing_token;
  engine.ReportUndelivered({.lease_id = "a", .fencing_token = token});
  EXPECT_TRUE(std::holds_alternative<Granted>(next.Get()));
  engine.Stop();
}

TEST_F(LockEngineTest, ManyThreadsGetOneFinalOutcomeEachAndDistinctTokens) {
  Start();
  ContendForOneLock(engine_, [](int /*thread*/) { return LockEngine::Begin::kNow; });
}

}  // namespace
}  // namespace holdfast
