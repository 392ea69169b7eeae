// A client of the raw API, as a careful program in any language would be one.
//
// A call whose end it does not know is sent again under the same lease_id, and
// whatever came of a turn, Release cleans up after it. It relies on a lease until the
// deadline that lease_times.h computes, and no longer.

#ifndef HOLDFAST_TESTS_CHAOS_RAW_WORKER_H_
#define HOLDFAST_TESTS_CHAOS_RAW_WORKER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/chaos/guarded_registers.h"
#include "tests/chaos/recorded_calls.h"
#include "tests/chaos/turn_plan.h"
#include "tests/chaos/worker.h"
#include "tests/support/history/history.h"

namespace holdfast::chaos {

class RawWorker final : public Worker {
 public:
  explicit RawWorker(const WorkerOptions& options);

 private:
  struct Holding {
    std::uint64_t fencing_token = 0;
    history::Time valid_until{};
  };

  // What is left to do after trying to take a lock.
  struct Taken {
    std::optional<Holding> holding;
    bool must_release = false;
  };

  void TakeTurn() override;
  Taken Take(const TurnPlan& plan, const std::string& lease_id);
  CallEnd TryTake(const TurnPlan& plan, const std::string& lease_id,
                  std::chrono::nanoseconds waited);
  void Hold(const TurnPlan& plan, const std::string& lease_id, Holding holding);
  // False: the lease is lost.
  bool Renew(const TurnPlan& plan, const std::string& lease_id, Holding& holding);
  void Write(const TurnPlan& plan, const Holding& holding);
  void Release(const TurnPlan& plan, const std::string& lease_id);
  void Rob(const std::string& key);

  const WorkerOptions options_;
  TurnPlanner planner_;
  RecordedCalls calls_;
  RegisterClient registers_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_RAW_WORKER_H_
