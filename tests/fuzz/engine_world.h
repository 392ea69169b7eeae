// The engine over a store in memory, with a clock to be set, and every promise
// checked after every turn.
//
//   EngineWorld world(limits);
//   world.Turn({{.call = world.NextCall(), .body = AcquireCommand{...}}});
//   world.Advance(std::chrono::seconds(1));
//   world.Crash();
//   world.Settle();
//
// A turn has at most one command for each lease_id: what happens within a turn is
// then known well enough to be checked, and two turns may share a moment of time.
//
// Beside what RecordChecker and CallChecker check: a free lock has no waiter that is
// ready; waiters are granted in their order; what everybody sees is what is stored;
// a watcher's picture is right; no timer, waiter or call is left over; the engine
// never asks to be woken at once; a commit that fails tells nobody anything.
// Whatever breaks this ends the process (require.h). Thread-compatible.

#ifndef HOLDFAST_TESTS_FUZZ_ENGINE_WORLD_H_
#define HOLDFAST_TESTS_FUZZ_ENGINE_WORLD_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/turn.h"
#include "services/lock/storage/testing/memory_store.h"
#include "tests/fuzz/call_checker.h"
#include "tests/fuzz/record_checker.h"

namespace holdfast::fuzz {

// Keeps what is committed last, to be checked. Single-threaded, as LockStore.
class WatchedStore final : public LockStore {
 public:
  explicit WatchedStore(std::shared_ptr<MemoryDisk> disk) : store_(std::move(disk)) {}

  absl::Status Load(RecordVisitor& visitor) override { return store_.Load(visitor); }
  absl::Status Commit(const RecordBatch& batch) override {
    last_batch_ = batch;
    return store_.Commit(batch);
  }

  RecordBatch TakeBatch() { return std::exchange(last_batch_, {}); }

 private:
  MemoryStore store_;
  RecordBatch last_batch_;
};

class EngineWorld {
 public:
  // `keys`: all that any command may name.
  EngineWorld(const Limits& limits, std::vector<std::string> keys);

  CallId NextCall() { return CallId{++last_call_}; }
  Instant now() const { return now_.monotonic; }

  // Gives the engine these commands, in one turn. Then time passes in which the turn's
  // outcomes are told: a slow disk or a slow network is no stall.
  void Turn(const std::vector<Command>& commands, Duration telling = {});

  // Lets time pass without a turn: more than a heartbeat is a stall.
  void Advance(Duration step);

  // Lets time pass with turns when the engine asks for them, `most` at the most.
  void Rest(Duration span, int most);

  // The process dies and a new one starts. Nothing is checked of what it may have
  // been about to tell.
  void Crash();

  // The next turn that has something to commit fails, and with it the process.
  void FailNextCommit(MemoryDisk::Failure failure);

  // To be called last: everybody goes away, every lock is taken from its holder, and
  // nothing may be left.
  void Settle();

  const CallChecker& calls() const { return calls_; }
  const RecordChecker& records() const { return records_; }

  // The grants that were told and have not been reported undelivered, one entry for
  // each answer.
  const std::vector<UndeliveredCommand>& told_grants() const { return told_grants_; }

 private:
  void Start();
  void RunTurn(const std::vector<Command>& commands);
  void Prepare(const std::vector<Command>& commands);
  void CheckTurn(const std::vector<Command>& commands, const std::vector<Delivery>& deliveries,
                 const RecordBatch& batch);
  void CheckGrant(const LeaseSpec& spec) const;
  void CheckWaiterEnd(const std::string& lease_id, EndCause cause,
                      const std::vector<Command>& commands) const;
  void UpdateParked();
  void CheckWatches() const;
  void CheckStats() const;
  void Look();
  void CheckView(const LockView& view);
  void CheckPlaces() const;
  void CheckNothingOverdue() const;

  const Limits limits_;
  const std::vector<std::string> keys_;
  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  Now now_{.monotonic = Instant(std::chrono::hours(1)),
           .wall = WallTime{1'700'000'000'000'000'000}};
  std::uint64_t last_call_ = 0;

  std::unique_ptr<WatchedStore> store_;
  std::unique_ptr<TurnRunner> runner_;
  bool draining_ = false;
  std::optional<MemoryDisk::Failure> planned_failure_;
  Instant last_change_;  // When something was committed last.

  CallChecker calls_;
  RecordChecker records_;
  std::vector<UndeliveredCommand> told_grants_;
  std::map<std::string, Instant> parked_;  // Since when, by lease_id.

  // Of each key, the ids in its queue when it was last looked at; and, of the turn
  // under way, the calls that waited when it began, by lease_id.
  std::map<std::string, std::vector<std::string>> queues_;
  std::map<std::string, std::set<CallId>> waited_before_;
  std::map<std::string, AcquireCommand> asked_;  // By lease_id; of calls open in this turn.
};

// Owners in this world begin with the lease_id and a space, so that a view, which
// does not show the id, says whom it shows.
std::string OwnerOf(const std::string& lease_id, const std::string& rest);

// As whom the server knows whoever uses this id.
Principal PrincipalOf(const std::string& lease_id);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_ENGINE_WORLD_H_
