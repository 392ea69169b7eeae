#include "clients/cpp/core/clock.h"

#include <ctime>

namespace holdfast {

MonotonicTime MonotonicClock::now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return MonotonicTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

namespace core {
namespace {

class RealClockImpl final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicClock::now(); }
};

}  // namespace

const Clock& RealClock() {
  static const RealClockImpl clock;
  return clock;
}

}  // namespace core
}  // namespace holdfast
