#include "services/lock/engine/testing/lock_engine_fixture.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace holdfast {

void LockEngineTest::ContendForOneLock(LockEngine& engine,
                                       const std::function<LockEngine::Begin(int thread)>& begin) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 200;
  std::vector<std::vector<std::uint64_t>> tokens(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const LockEngine::Begin mine = begin(t);
      const auto submit = [&](CommandBody body, EngineCaller& caller) {
        engine.Submit(std::move(body), &caller, mine);
        if (mine == LockEngine::Begin::kAtTakeTurn) engine.TakeTurn();
        return caller.Get();
      };
      for (int round = 0; round < kRounds; ++round) {
        const std::string id = std::to_string(t) + "-" + std::to_string(round);
        EngineCaller acquired;
        const Outcome granted = submit(Acquire("k", id, kNoTimeout), acquired);
        tokens[static_cast<std::size_t>(t)].push_back(
            std::get<Granted>(granted).lease.lease.fencing_token);
        EngineCaller released;
        const Outcome ended = submit(ReleaseCommand{.key = "k", .lease_id = id}, released);
        EXPECT_TRUE(std::holds_alternative<Released>(ended));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& some : tokens) {
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  const TableStats stats = engine.stats();
  EXPECT_EQ(stats.locks + stats.leases + stats.waiters + stats.open_calls + stats.timers, 0u);
}

}  // namespace holdfast
