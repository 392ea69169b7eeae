// The engine with its thread, a store that can be held up, and callers.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_LOCK_ENGINE_FIXTURE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_LOCK_ENGINE_FIXTURE_H_

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "services/common/clock.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/engine/testing/gate_store.h"

namespace holdfast {

// Keeps what it is told.
class EngineCaller final : public CallListener {
 public:
  void OnOutcome(Outcome outcome) override {
    if (!IsFinal(outcome)) return;
    final_.set_value(std::move(outcome));
  }
  Outcome Get() { return future_.get(); }
  bool Answered() const {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::promise<Outcome> final_;
  std::future<Outcome> future_ = final_.get_future();
};

inline Refusal RefusalIn(const Outcome& outcome) {
  const auto* refused = std::get_if<Refused>(&outcome);
  return refused == nullptr ? Refusal{-1} : refused->reason;
}

class LockEngineTest : public ::testing::Test {
 protected:
  // `wait`: what the store says that a commit is likely to wait.
  void Start(Duration wait = Duration::max()) {
    ASSERT_TRUE(engine_.Start(std::make_unique<GateStore>(gate_, wait)).ok());
  }

  static AcquireCommand Acquire(std::string key, std::string lease_id, Duration timeout = {}) {
    return {.spec = {.key = std::move(key), .lease_id = std::move(lease_id)},
            .timeout = timeout,
            .received = SystemClock().Read().monotonic};
  }

  // Eight threads take and give back one lock, and each is told so each time; the tokens
  // differ, each thread's increase, and nothing is left in the table. `begin` is that of a
  // thread's commands.
  static void ContendForOneLock(LockEngine& engine,
                                const std::function<LockEngine::Begin(int thread)>& begin);

  StoreGate gate_;
  std::promise<absl::Status> fatal_;
  LockEngine engine_{Limits{.max_pending_commands = 100}, SystemClock(),
                     [this](const absl::Status& status) { fatal_.set_value(status); }};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_LOCK_ENGINE_FIXTURE_H_
