#include "tests/support/eventually.h"

#include <time.h>

#include <thread>

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kLookAgainAfter(5);

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

std::chrono::nanoseconds BootTime() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Stopwatch::Stopwatch() : start_(BootTime()) {}

std::chrono::nanoseconds Stopwatch::Elapsed() const { return BootTime() - start_; }

}  // namespace holdfast
