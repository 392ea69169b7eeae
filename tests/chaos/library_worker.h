// A client of the C++ library: SyncLock, or AsyncLock by its callbacks.
//
// The library chooses its lease_ids and retries by itself, so the history has a name
// of its own for each acquire, and one operation for all that the library did for it.
// What it renews in the background is on record as a Renew that is always under way
// while the lease is held.

#ifndef HOLDFAST_TESTS_CHAOS_LIBRARY_WORKER_H_
#define HOLDFAST_TESTS_CHAOS_LIBRARY_WORKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/client.h"
#include "holdfast/lease.h"
#include "tests/chaos/blocking_lock.h"
#include "tests/chaos/guarded_registers.h"
#include "tests/chaos/turn_plan.h"
#include "tests/chaos/worker.h"
#include "tests/support/history/history.h"

namespace holdfast::chaos {

class LibraryWorker final : public Worker {
 public:
  // `client` outlives it.
  LibraryWorker(const WorkerOptions& options, Client& client, BlockingLock::Kind kind);

 private:
  void TakeTurn() override;
  std::optional<Lease> Take(const TurnPlan& plan, const std::string& name, BlockingLock& lock);
  void Hold(const TurnPlan& plan, const std::string& name, const Lease& lease);
  void Write(const TurnPlan& plan, const Lease& lease);
  void Release(const TurnPlan& plan, const std::string& name, BlockingLock& lock);

  void Record(history::What what) {
    options_.recorder->Record(options_.client, operation_, std::move(what));
  }

  const WorkerOptions options_;
  const BlockingLock::Kind kind_;
  Client& client_;
  TurnPlanner planner_;
  RegisterClient registers_;
  std::uint64_t operation_ = 0;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_LIBRARY_WORKER_H_
