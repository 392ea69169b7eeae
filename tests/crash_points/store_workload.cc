#include "tests/crash_points/store_workload.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/stall_guard.h"
#include "services/lock/engine/turn.h"
#include "services/lock/storage/testing/open_store.h"
#include "tests/crash_points/command_source.h"
#include "tests/crash_points/disk_recorder.h"

namespace holdfast {
namespace {

// Notes each commit, and where the disk was before it and after it.
class ObservedStore final : public LockStore {
 public:
  ObservedStore(LockStore& store, const DiskRecorder& recorder,
                std::vector<ObservedCommit>& commits)
      : store_(store), recorder_(recorder), commits_(commits) {}

  absl::Status Load(RecordVisitor& visitor) override { return store_.Load(visitor); }

  absl::Status Commit(const RecordBatch& batch) override {
    ObservedCommit commit = commits_.back();
    commit.begun = recorder_.position();
    commit.content.Apply(batch);
    for (const RecordChange& change : batch) {
      if (const auto* put = std::get_if<PutLease>(&change)) {
        commit.highest_token = std::max(commit.highest_token, put->lease.fencing_token);
      }
    }
    const absl::Status status = store_.Commit(batch);
    commit.acknowledged = status.ok() ? recorder_.position() : kNever;
    commits_.push_back(std::move(commit));
    return status;
  }

 private:
  LockStore& store_;
  const DiskRecorder& recorder_;
  std::vector<ObservedCommit>& commits_;
};

// What goes on over all starts of one run.
class Workload {
 public:
  Workload(const std::string& folder, const WorkloadOptions& options)
      : folder_(folder), options_(options), commands_(options.seed) {}

  StoreRun Run() {
    StoreRun run;
    run.commits.emplace_back();
    DiskRecorder recorder(folder_);
    for (int start = 0; start < options_.starts && run.status.ok(); ++start) {
      run.status = RunOneStart(recorder, run.commits);
    }
    run.journal = recorder.Stop();
    return run;
  }

 private:
  absl::Status RunOneStart(const DiskRecorder& recorder, std::vector<ObservedCommit>& commits) {
    auto store = OpenStore(DataPath(folder_), {.durability = options_.durability,
                                               .write_buffer_size = kSmallWriteBuffer,
                                               .env = options_.env});
    if (!store.ok()) return store.status();
    ObservedStore observed(**store, recorder, commits);
    TurnRunner runner(Limits{}, observed);
    absl::Status status = runner.Load({.monotonic = now_});
    for (int turn = 0; turn < options_.turns && status.ok(); ++turn) {
      now_ += commands_.NextPause();
      status = RunTurn(runner, commands_.Next(commits.back().content, now_));
      // After a long pause the engine is patient, and only then lets leases lapse.
      for (Duration rest = StallGuard::kGrace; rest > Duration::zero() && status.ok();
           rest -= StallGuard::kHeartbeat) {
        now_ += StallGuard::kHeartbeat;
        status = RunTurn(runner, {});
      }
    }
    return status;
  }

  absl::Status RunTurn(TurnRunner& runner, std::vector<Command> commands) {
    for (Command& command : commands) command.call = CallId{++last_call_};
    std::vector<Delivery> ignored;
    absl::Status status = runner.Run(commands, {.monotonic = now_}, ignored);
    runner.Finished(now_);
    return status;
  }

  const std::string folder_;
  const WorkloadOptions options_;
  CommandSource commands_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t last_call_ = 0;
};

}  // namespace

StoreRun RunWorkload(const std::string& folder, const WorkloadOptions& options) {
  return Workload(folder, options).Run();
}

}  // namespace holdfast
