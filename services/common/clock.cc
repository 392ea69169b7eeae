#include "services/common/clock.h"

#include <ctime>

namespace holdfast {
namespace {

Duration ReadClock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class SystemClockImpl final : public Clock {
 public:
  Now Read() const override {
    return {.monotonic = Instant(ReadClock(CLOCK_BOOTTIME)),
            .wall = WallTime{ReadClock(CLOCK_REALTIME).count()}};
  }
};

}  // namespace

const Clock& SystemClock() {
  static const SystemClockImpl clock;
  return clock;
}

}  // namespace holdfast
