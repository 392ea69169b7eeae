// Sessions through the engine and its thread: what their listeners are told, and how often.

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/engine/testing/gate_store.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// Keeps what the stream is told, by turn.
class StreamListener final : public SessionListener {
 public:
  void OnOutcomes(std::vector<SessionOutcome> outcomes) override {
    MutexLock lock(mutex_);
    turns_.push_back(std::move(outcomes));
    changed_.NotifyAll();
  }
  void OnEnded(const Refused& reason) override { ended_.set_value(reason); }

  // What it was told by the time that it had been told of `operation`.
  std::vector<std::vector<SessionOutcome>> Await(std::uint64_t operation) {
    MutexLock lock(mutex_);
    while (turns_.empty() || turns_.back().back().operation != operation) changed_.Wait(mutex_);
    return turns_;
  }

  std::size_t turns() const {
    MutexLock lock(mutex_);
    return turns_.size();
  }
  Refused AwaitEnd() { return ended_.get_future().get(); }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<std::vector<SessionOutcome>> turns_ GUARDED_BY(mutex_);
  std::promise<Refused> ended_;
};

std::vector<std::pair<std::uint64_t, std::uint64_t>> NumbersOf(
    const std::vector<SessionOutcome>& turn) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> numbers;
  for (const SessionOutcome& outcome : turn) {
    numbers.emplace_back(outcome.number, outcome.operation);
  }
  return numbers;
}

class LockEngineSessionTest : public ::testing::Test {
 protected:
  void Start() { ASSERT_TRUE(engine_.Start(std::make_unique<GateStore>(gate_)).ok()); }

  CallId Open(StreamListener& listener, std::uint64_t number = 1) {
    return engine_.OpenStream({.session_id = "s", .stream_number = number}, 1, &listener);
  }

  static SessionOperation Acquire(std::uint64_t id, const std::string& name) {
    return {.id = id, .body = AcquireCommand{.spec = {.key = name, .lease_id = name}}};
  }

  StoreGate gate_;
  LockEngine engine_{Limits{.max_pending_commands = 10}, SystemClock(),
                     [](const absl::Status&) { FAIL() << "a commit has failed"; }};
};

TEST_F(LockEngineSessionTest, WhatATurnHasForAStreamIsToldTogetherAndInOrder) {
  Start();
  StreamListener listener;
  const CallId stream = Open(listener);
  listener.Await(1);
  // Behind a commit that takes its time, so that all of them get into one turn.
  gate_.Close();
  std::vector<SessionOperation> first = {Acquire(7, "a")};
  ASSERT_TRUE(engine_.SubmitOperations(stream, first));
  gate_.AwaitArrival();
  std::vector<SessionOperation> second = {Acquire(8, "b"), Acquire(9, "c")};
  std::vector<SessionOperation> third = {Acquire(3, "d")};
  ASSERT_TRUE(engine_.SubmitOperations(stream, second));
  ASSERT_TRUE(engine_.SubmitOperations(stream, third));
  EXPECT_EQ(listener.turns(), 1u) << "nothing is told before its commit";
  gate_.Open();
  const std::vector<std::vector<SessionOutcome>> turns = listener.Await(3);
  ASSERT_THAT(turns, SizeIs(3));
  EXPECT_THAT(NumbersOf(turns[0]), ElementsAre(Pair(1, 1)));
  EXPECT_THAT(NumbersOf(turns[1]), ElementsAre(Pair(2, 7)));
  EXPECT_THAT(NumbersOf(turns[2]), ElementsAre(Pair(3, 8), Pair(4, 9), Pair(5, 3)));
  engine_.Drain();
  EXPECT_EQ(listener.AwaitEnd().reason, Refusal::kStopping);
  engine_.Stop();
}

TEST_F(LockEngineSessionTest, BeforeItsStartAndAfterItsEndStreamsAreRefused) {
  StreamListener early;
  Open(early);
  EXPECT_EQ(early.AwaitEnd().reason, Refusal::kStarting);
  Start();
  engine_.Drain();
  StreamListener late;
  Open(late);
  EXPECT_EQ(late.AwaitEnd().reason, Refusal::kStopping);
  engine_.Stop();
}

// There is nothing to tell about what comes later: its end has been told.
TEST_F(LockEngineSessionTest, WhatComesAfterTheEndIsTakenAndDropped) {
  Start();
  StreamListener listener;
  const CallId stream = Open(listener);
  listener.Await(1);
  engine_.Drain();
  EXPECT_EQ(listener.AwaitEnd().reason, Refusal::kStopping);
  std::vector<SessionOperation> late = {Acquire(5, "a")};
  EXPECT_TRUE(engine_.SubmitOperations(stream, late));
  engine_.Stop();
  EXPECT_TRUE(engine_.SubmitOperations(stream, late));
  EXPECT_EQ(listener.turns(), 1u);
}

TEST_F(LockEngineSessionTest, AStreamThatIsReplacedIsToldSoAndNothingElse) {
  Start();
  StreamListener older;
  const CallId stream = Open(older);
  StreamListener newer;
  Open(newer, 2);
  EXPECT_EQ(older.AwaitEnd().reason, Refusal::kSessionReplaced);
  std::vector<SessionOperation> late = {Acquire(5, "a")};
  EXPECT_TRUE(engine_.SubmitOperations(stream, late)) << "dropped";
  engine_.EndStream(stream, /*by_client=*/true);
  engine_.Drain();
  EXPECT_EQ(newer.AwaitEnd().reason, Refusal::kStopping);
  EXPECT_EQ(older.turns(), 1u);
  engine_.Stop();
}

TEST_F(LockEngineSessionTest, WhenAStreamHasEndedItsListenerIsToldOnce) {
  Start();
  StreamListener listener;
  const CallId stream = Open(listener);
  engine_.EndStream(stream, /*by_client=*/true);
  engine_.EndStream(stream, /*by_client=*/true);
  EXPECT_EQ(listener.AwaitEnd().reason, Refusal::kCancelled);
  engine_.Drain();
  engine_.Stop();
}

TEST_F(LockEngineSessionTest, AFullMailboxTakesAllOfAMessageOrNothing) {
  Start();
  StreamListener listener;
  const CallId stream = Open(listener);
  listener.Await(1);
  gate_.Close();
  std::vector<SessionOperation> first = {Acquire(2, "first")};
  ASSERT_TRUE(engine_.SubmitOperations(stream, first));
  gate_.AwaitArrival();
  std::vector<SessionOperation> many;
  for (std::uint64_t i = 0; i < 6; ++i) many.push_back(Acquire(10 + i, "k" + std::to_string(i)));
  std::vector<SessionOperation> more = {Acquire(20, "x"), Acquire(21, "y"), Acquire(22, "z"),
                                        Acquire(23, "u"), Acquire(24, "v")};
  ASSERT_TRUE(engine_.SubmitOperations(stream, many));
  EXPECT_FALSE(engine_.SubmitOperations(stream, more));
  EXPECT_EQ(std::get<AcquireCommand>(more.back().body).spec.key, "v") << "unchanged";
  more.resize(4);
  EXPECT_TRUE(engine_.SubmitOperations(stream, more));
  // What the server cannot do without is always taken.
  std::vector<SessionOperation> acknowledgement;
  acknowledgement.push_back({.body = AcknowledgeCommand{.through = 1}});
  EXPECT_TRUE(engine_.SubmitOperations(stream, acknowledgement));
  std::vector<SessionOperation> page;
  page.push_back({.id = 30, .body = AttachPageCommand{}});
  EXPECT_FALSE(engine_.SubmitOperations(stream, page)) << "a page may be as long as any request";
  gate_.Open();
  EXPECT_THAT(listener.Await(23).back(), SizeIs(10));
  engine_.Drain();
  engine_.Stop();
}

}  // namespace
}  // namespace holdfast
