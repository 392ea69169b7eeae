// The stretch of time in which callers are measured: they are let run first, and
// those still running at its end are waited for and not counted.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_WINDOW_H_
#define HOLDFAST_TESTS_BENCH_LOAD_WINDOW_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"  // It would define again what common/mutex.h has.
#include "common/mutex.h"
#include "tests/bench/load/driver.h"
#include "tests/bench/load/latencies.h"

namespace holdfast::bench {

// What a measurement has found, in the order in which it is told.
using Report = std::vector<std::pair<std::string, double>>;

struct WindowOptions {
  std::chrono::duration<double> warm_up{0.2};
  std::chrono::duration<double> seconds{1};
  pid_t server = 0;  // 0: the service has no process of its own.
};

// Thread-safe.
class Window {
 public:
  // For so many callers, each of which is to call Leave once.
  explicit Window(int callers) : running_(callers) {}

  // For callers: what ends now counts; no more is to be started.
  bool open() const { return open_.load(std::memory_order_relaxed); }
  bool over() const { return over_.load(std::memory_order_relaxed); }

  // A caller has ended its last operation. One that has failed ends the window.
  void Leave(bool ok) EXCLUDES(mutex_);

  // Opens and closes the window, and waits until all have left. False: one of them
  // has failed.
  bool Run(const WindowOptions& options) EXCLUDES(mutex_);

  // What Run has measured, for so many operations with these latencies: "rate" a
  // second, "p10_us", "p50_us", "p99_us", "p999_us", and the processor time of an operation,
  // "server_cpu_us" and "client_cpu_us".
  Report Describe(Latencies& latencies) const;

 private:
  std::atomic<bool> open_{false};
  std::atomic<bool> over_{false};

  // Set by Run.
  pid_t server_ = 0;
  std::chrono::duration<double> seconds_{};
  Microseconds server_cpu_{};
  Microseconds client_cpu_{};

  Mutex mutex_;
  CondVar changed_;
  int running_ GUARDED_BY(mutex_);
  bool failed_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_WINDOW_H_
