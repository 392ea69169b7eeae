// What is measured with waiters on one key: hand-over, and what they cost at rest.

#include <cstdio>
#include <thread>

#include "tests/bench/load/measures.h"
#include "tests/bench/load/usage.h"
#include "tests/bench/load/waiting.h"
#include "tests/support/process_usage.h"

namespace holdfast::bench {
namespace {

// Between hand-overs: whoever has held is in the queue again, and the server at rest.
constexpr auto kPause = std::chrono::milliseconds(3);
constexpr auto kQueueing = std::chrono::seconds(120);

}  // namespace

std::optional<Report> MeasureHandOver(Driver& driver, const MeasureOptions& options) {
  // Left behind with its waits under way: the process ends with them.
  auto& line = *new WaitingLine(driver, options.waiters);
  if (options.window.server != 0 && !AwaitQuiet(options.window.server, kQueueing)) {
    std::fputs("load: the server does not come to rest\n", stderr);
    return {};
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  Latencies latencies;
  const SteadyTime end =
      Now() + std::chrono::duration_cast<std::chrono::nanoseconds>(options.window.seconds);
  while (Now() < end) {
    const auto taken = line.HandOver();
    if (!taken) return {};
    latencies.Add(taken->count());
    std::this_thread::sleep_for(kPause);
  }
  return Report{{"p10_us", latencies.Quantile(0.1)},
                {"p50_us", latencies.Quantile(0.5)},
                {"p99_us", latencies.Quantile(0.99)},
                {"hand_overs", static_cast<double>(latencies.count())}};
}

std::optional<Report> MeasureIdleWaiters(Driver& driver, const MeasureOptions& options) {
  const pid_t server = options.window.server;
  const auto bytes_before = static_cast<double>(ResidentBytes(server));
  auto& line = *new WaitingLine(driver, options.waiters);
  if (!AwaitQuiet(server, kQueueing) || !line.ok()) return {};
  const auto bytes = static_cast<double>(ResidentBytes(server)) - bytes_before;
  const Microseconds cpu_before = bench::CpuTime(server);
  const std::int64_t switches_before = ContextSwitches(server);
  const SteadyTime begin = Now();
  std::this_thread::sleep_for(options.window.seconds);
  const double seconds = std::chrono::duration<double>(Now() - begin).count();
  const Microseconds cpu = bench::CpuTime(server) - cpu_before;
  const auto switches = static_cast<double>(ContextSwitches(server) - switches_before);
  return Report{{"server_cpu_ms_per_s", cpu.count() / 1000 / seconds},
                {"switches_per_s", switches / seconds},
                {"bytes_per_waiter", bytes / options.waiters}};
}

}  // namespace holdfast::bench
