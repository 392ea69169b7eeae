// What is measured, of any service. Each returns nothing if an operation has failed
// that should not have.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_MEASURES_H_
#define HOLDFAST_TESTS_BENCH_LOAD_MEASURES_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/bench/load/driver.h"
#include "tests/bench/load/window.h"

namespace holdfast::bench {

struct MeasureOptions {
  WindowOptions window;
  int outstanding = 1;  // Operations under way at the same time.
  int leases = 1000;    // Held, by those that hold some.
  int waiters = 1;      // For one key.
  std::chrono::milliseconds expire = std::chrono::seconds(30);
};

// Acquires and releases free keys. An operation is a pair.
std::optional<Report> MeasurePairs(Driver& driver, const MeasureOptions& options);

// Renews held leases in turn.
std::optional<Report> MeasureRenewals(Driver& driver, const MeasureOptions& options);

// Renews all leases by one operation, one after the other.
std::optional<Report> MeasureRenewAll(Driver& driver, const MeasureOptions& options);

// From before a release is sent to the grant of the next waiter, with so many waiters.
// Whoever has held queues again, and the next release comes a moment after.
std::optional<Report> MeasureHandOver(Driver& driver, const MeasureOptions& options);

// What so many waiters cost that only wait: "server_cpu_ms_per_s", "switches_per_s",
// "bytes_per_waiter" of the server's resident memory.
std::optional<Report> MeasureIdleWaiters(Driver& driver, const MeasureOptions& options);

// Acquires leases on keys of their own and leaves them held: "rate".
std::optional<Report> MeasureFill(Driver& driver, const MeasureOptions& options);

// Pairs of others while leases lapse that all lapse at one moment: "usual_p99_us"
// before, "p99_us" and "max_us" in the second from that moment on.
std::optional<Report> MeasureLapse(Driver& driver, const MeasureOptions& options);

// Acquires the key, bound if the service has that, and says so in a line, "{}". Then
// holds it until the process is killed.
[[noreturn]] void HoldUntilKilled(Driver& driver, const std::string& key);

// Waits for the key: "at_s" on the monotonic clock, when it was granted.
std::optional<Report> AwaitKey(Driver& driver, const std::string& key);

// Tries a pair, with a driver made anew each time, until one succeeds: "at_s" on the
// monotonic clock. Nothing: none did within `limit`.
std::optional<Report> MeasureReady(const std::function<std::unique_ptr<Driver>()>& make,
                                   std::chrono::duration<double> limit);

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_MEASURES_H_
