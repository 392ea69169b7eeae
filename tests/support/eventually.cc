#include "tests/support/eventually.h"

#include <time.h>

#include <thread>

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kLookAgainAfter(5);

// The server's clock: it goes on while the machine sleeps.
std::chrono::nanoseconds ReadBootTime() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const Stopwatch watch;
  while (!condition()) {
    if (watch.Elapsed() > limit) return false;
    std::this_thread::sleep_for(kLookAgainAfter);
  }
  return true;
}

void LetPass(std::chrono::nanoseconds time) { std::this_thread::sleep_for(time); }

Stopwatch::Stopwatch() : start_(ReadBootTime()) {}

std::chrono::nanoseconds Stopwatch::Elapsed() const { return ReadBootTime() - start_; }

}  // namespace holdfast
