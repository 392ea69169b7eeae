#include "services/lock/engine/turn.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Keeps the batches that it was given.
class RecordingStore final : public LockStore {
 public:
  absl::Status Load(RecordVisitor& visitor) override {
    for (const LeaseRecord& lease : stored) visitor.OnLease(lease);
    visitor.OnReservedTokens(reserved);
    return load;
  }
  absl::Status Commit(const RecordBatch& batch) override {
    batches.push_back(batch);
    return next_commit;
  }

  std::vector<LeaseRecord> stored;
  std::uint64_t reserved = 0;
  absl::Status load;
  std::vector<RecordBatch> batches;
  absl::Status next_commit;
};

class TurnTest : public ::testing::Test {
 protected:
  std::vector<Delivery> Run(std::vector<Command> commands) {
    std::vector<Delivery> deliveries;
    status_ = runner_.Run(commands, {.monotonic = now_}, deliveries);
    runner_.Finished(now_);
    return deliveries;
  }

  Command Acquire(std::string key, std::string lease_id, Duration expire) {
    return {.call = CallId{++last_call_},
            .body = AcquireCommand{
                .spec = {.key = std::move(key), .lease_id = std::move(lease_id), .expire = expire},
                .received = now_}};
  }

  Command Renew(std::string key, std::string lease_id) {
    return {.call = CallId{++last_call_},
            .body = RenewCommand{.key = std::move(key), .lease_id = std::move(lease_id)}};
  }

  // Turns at every heartbeat, as the engine takes them, for `span`.
  void Rest(Duration span) {
    const Instant end = now_ + span;
    while (now_ < end) {
      now_ = std::min(end, now_ + runner_.TimeToNextTurn(now_));
      Run({});
    }
  }

  RecordingStore store_;
  TurnRunner runner_{Limits{}, store_};
  Instant now_{std::chrono::hours(1)};
  absl::Status status_;
  std::uint64_t last_call_ = 0;
};

TEST_F(TurnTest, AllCommandsOfATurnShareOneCommit) {
  EXPECT_THAT(Run({Acquire("a", "1", seconds(1)), Acquire("b", "2", seconds(1)),
                   Acquire("a", "3", seconds(1))}),
              SizeIs(3));
  ASSERT_THAT(store_.batches, SizeIs(1));
  EXPECT_THAT(store_.batches[0], SizeIs(3)) << "a token reservation and two leases";
}

TEST_F(TurnTest, ATurnThatChangesNothingCommitsNothing) {
  EXPECT_THAT(Run({{.call = CallId{1}, .body = GetCommand{"a"}}}), SizeIs(1));
  EXPECT_THAT(store_.batches, IsEmpty());
}

TEST_F(TurnTest, NothingIsToldIfTheCommitFails) {
  store_.next_commit = absl::InternalError("disk");
  EXPECT_THAT(Run({Acquire("a", "1", seconds(1)), {.call = CallId{9}, .body = GetCommand{"a"}}}),
              IsEmpty());
  EXPECT_EQ(status_, store_.next_commit);
}

TEST_F(TurnTest, ARenewalInTheSameTurnCountsBeforeTheLeaseLapses) {
  Run({Acquire("a", "1", milliseconds(100))});
  now_ += milliseconds(101);
  const std::vector<Delivery> told = Run({Renew("a", "1")});
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<Renewed>(told[0].outcome));
}

TEST_F(TurnTest, AfterAStallRenewalsHaveTimeToArrive) {
  Run({Acquire("a", "1", seconds(2)), Acquire("b", "2", seconds(2))});
  now_ += seconds(60);
  Run({});
  now_ += milliseconds(100);
  const std::vector<Delivery> told = Run({Renew("a", "1")});
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<Renewed>(told[0].outcome));
  Rest(StallGuard::kGrace);
  EXPECT_EQ(runner_.table().stats().leases, 1u) << "b was not renewed";
}

TEST_F(TurnTest, WithTurnsAtEveryHeartbeatALeaseLapsesOnTime) {
  Run({Acquire("a", "1", seconds(2))});
  Rest(seconds(2) - Duration(1));
  EXPECT_EQ(runner_.table().stats().leases, 1u);
  Rest(Duration(1));
  EXPECT_EQ(runner_.table().stats().leases, 0u);
}

TEST_F(TurnTest, ALeaseThatComesDueDuringASlowTurnLapsesInTheNext) {
  Run({Acquire("a", "1", milliseconds(900))});
  // A turn that takes a second, because of the disk.
  std::vector<Delivery> deliveries;
  ASSERT_TRUE(runner_.Run({}, {.monotonic = now_}, deliveries).ok());
  now_ += seconds(1);
  runner_.Finished(now_);
  EXPECT_EQ(runner_.TimeToNextTurn(now_), Duration::zero());
  Run({});
  EXPECT_EQ(runner_.table().stats().leases, 0u);
}

TEST_F(TurnTest, LeasesThatLapseTogetherDoSoInTurnsWithoutAPause) {
  constexpr int kTurns = 20;
  std::vector<Command> commands;
  for (int i = 0; i < kTurns * LockTable::kTimersAtOnce; ++i) {
    commands.push_back(Acquire(std::to_string(i), "id" + std::to_string(i), milliseconds(100)));
  }
  Run(std::move(commands));
  now_ += milliseconds(100);
  for (int turn = 1; turn <= kTurns; ++turn) {
    std::vector<Delivery> deliveries;
    ASSERT_TRUE(runner_.Run({}, {.monotonic = now_}, deliveries).ok());
    now_ += milliseconds(60);  // What the turn takes.
    runner_.Finished(now_);
    ASSERT_EQ(runner_.table().stats().leases,
              static_cast<std::size_t>((kTurns - turn) * LockTable::kTimersAtOnce));
  }
}

TEST_F(TurnTest, ATurnFiresAsManyMoreTimersAsHaveBeenSetSinceTheLast) {
  constexpr int kMore = 100;
  constexpr int kLeases = 2 * LockTable::kTimersAtOnce + kMore;
  int made = 0;
  const auto leases = [&](int count) {
    std::vector<Command> commands;
    for (const int end = made + count; made < end; ++made) {
      commands.push_back(Acquire(std::to_string(made), std::to_string(made), milliseconds(100)));
    }
    return commands;
  };
  Run(leases(kLeases));
  now_ += milliseconds(100);
  Run(leases(kMore));
  // Those of before, less what a turn may fire, and as many again as were new.
  EXPECT_EQ(runner_.table().stats().leases,
            static_cast<std::size_t>(kLeases - LockTable::kTimersAtOnce - kMore + kMore));
}

TEST_F(TurnTest, AStopDuringATurnIsAStall) {
  for (const bool stopped : {false, true}) {
    const std::string key = stopped ? "b" : "a";
    Run({Acquire(key, key, seconds(2))});
    std::vector<Delivery> deliveries;
    runner_.Beat(now_);
    ASSERT_TRUE(runner_.Run({}, {.monotonic = now_}, deliveries).ok());
    const Instant end = now_ + seconds(3);
    for (; !stopped && now_ < end; now_ += StallGuard::kHeartbeat) runner_.Beat(now_);
    now_ = end;
    runner_.Beat(now_);
    runner_.Finished(now_);
    Run({});
    EXPECT_EQ(runner_.table().stats().leases, stopped ? 1u : 0u);
    if (!stopped) continue;
    now_ += milliseconds(100);
    const std::vector<Delivery> told = Run({Renew(key, key)});
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_TRUE(std::holds_alternative<Renewed>(told[0].outcome));
  }
}

TEST_F(TurnTest, TheNextTurnIsDueWithTheNextTimer) {
  EXPECT_EQ(runner_.TimeToNextTurn(now_), StallGuard::kHeartbeat);
  Run({Acquire("a", "1", milliseconds(7))});
  EXPECT_EQ(runner_.TimeToNextTurn(now_), milliseconds(7));
  EXPECT_EQ(runner_.TimeToNextTurn(now_ + seconds(1)), Duration::zero());
}

TEST_F(TurnTest, LoadFailsWithTheStore) {
  store_.load = absl::DataLossError("disk");
  EXPECT_EQ(runner_.Load({.monotonic = now_}), store_.load);
}

TEST_F(TurnTest, LoadRefusesRecordsThatContradictEachOther) {
  store_.stored = {{.spec = {.key = "k", .lease_id = "a"}, .fencing_token = 5}};
  store_.reserved = 4;
  EXPECT_EQ(runner_.Load({.monotonic = now_}).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace holdfast
