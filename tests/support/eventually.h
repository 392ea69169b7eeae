// How tests wait for another process: by looking again and again, up to a limit
// that a healthy run never comes near. The only place under tests/ that reads a
// clock or sleeps.

#ifndef HOLDFAST_TESTS_SUPPORT_EVENTUALLY_H_
#define HOLDFAST_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <functional>

namespace holdfast {

// Long enough for the slowest machine: a test that reaches it has failed.
inline constexpr std::chrono::milliseconds kWaitLimit = std::chrono::seconds(30);

// Looks at `condition` every few milliseconds until it holds (true) or `limit`
// has passed (false).
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = kWaitLimit);

// Lets time pass in which something must not happen, or in which a rate is
// measured. Not for waiting until something has happened.
void LetPass(std::chrono::nanoseconds time);

// The clock that leases are measured by (CLOCK_BOOTTIME): since the machine was
// started.
std::chrono::nanoseconds BootTime();

// Measures time on that clock. Thread-compatible.
class Stopwatch {
 public:
  Stopwatch();
  std::chrono::nanoseconds Elapsed() const;

 private:
  std::chrono::nanoseconds start_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_EVENTUALLY_H_
