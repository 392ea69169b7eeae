#include <deque>
#include <thread>

#include "tests/bench/load/leases.h"
#include "tests/bench/load/measures.h"
#include "tests/bench/load/pair_caller.h"

namespace holdfast::bench {
namespace {

// Leases that are taken to find out how long all of them will take.
constexpr int kSample = 2000;
constexpr auto kUsual = std::chrono::seconds(2);
constexpr auto kAfter = std::chrono::seconds(1);

void SleepUntil(SteadyTime time) { std::this_thread::sleep_until(time); }

Latencies LatenciesOf(Driver& driver, int callers_count, std::chrono::duration<double> seconds) {
  Window window(callers_count);
  std::deque<PairCaller> callers;
  for (int i = 0; i < callers_count; ++i) callers.emplace_back(driver, window, i);
  for (PairCaller& caller : callers) {
    caller.key += "/other";
    caller.Start();
  }
  window.Run({.seconds = seconds});
  Latencies latencies;
  for (PairCaller& caller : callers) latencies.Add(caller.latencies());
  return latencies;
}

}  // namespace

std::optional<Report> MeasureLapse(Driver& driver, const MeasureOptions& options) {
  constexpr int kAcquiring = 256;
  constexpr int kOthers = 16;
  const SteadyTime begin = Now();
  const auto brief = [] { return std::chrono::milliseconds(1); };
  AcquireMany(driver, kSample, kAcquiring, brief);
  const auto all = (Now() - begin) * (options.leases / kSample + 1);
  // With room for a machine that grows slower meanwhile.
  const SteadyTime lapse = Now() + 2 * all + kUsual + std::chrono::seconds(1);
  const std::vector<KeptLease> leases = AcquireMany(driver, options.leases, kAcquiring, [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(lapse - Now());
  });
  if (static_cast<int>(leases.size()) < options.leases) return {};
  if (Now() + kUsual > lapse) return {};
  Latencies usual = LatenciesOf(driver, kOthers, kUsual - std::chrono::milliseconds(500));
  // The others' first pairs, which are not measured, come before that moment.
  SleepUntil(lapse - std::chrono::milliseconds(250));
  Latencies after = LatenciesOf(driver, kOthers, kAfter);
  return Report{{"usual_p99_us", usual.Quantile(0.99)},
                {"usual_max_us", usual.Quantile(1)},
                {"p99_us", after.Quantile(0.99)},
                {"max_us", after.Quantile(1)}};
}

}  // namespace holdfast::bench
