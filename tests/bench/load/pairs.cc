#include <deque>

#include "tests/bench/load/measures.h"
#include "tests/bench/load/pair_caller.h"

namespace holdfast::bench {

std::optional<Report> MeasurePairs(Driver& driver, const MeasureOptions& options) {
  Window window(options.outstanding);
  std::deque<PairCaller> callers;
  for (int i = 0; i < options.outstanding; ++i) callers.emplace_back(driver, window, i);
  for (PairCaller& caller : callers) caller.Start();
  if (!window.Run(options.window)) return {};
  Latencies latencies;
  for (PairCaller& caller : callers) latencies.Add(caller.latencies());
  return window.Describe(latencies);
}

}  // namespace holdfast::bench
