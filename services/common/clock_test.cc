#include "services/common/clock.h"

#include <cstdint>
#include <ctime>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

std::int64_t Nanoseconds(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

TEST(SystemClockTest, ReadsTheClockThatGoesOnWhileTheHostIsSuspendedAndTheWallClock) {
  const std::int64_t boot_before = Nanoseconds(CLOCK_BOOTTIME);
  const std::int64_t wall_before = Nanoseconds(CLOCK_REALTIME);
  const Now now = SystemClock().Read();
  const std::int64_t boot = now.monotonic.time_since_epoch().count();
  const auto wall = static_cast<std::int64_t>(now.wall);
  EXPECT_LE(boot_before, boot);
  EXPECT_LE(boot, Nanoseconds(CLOCK_BOOTTIME));
  EXPECT_LE(wall_before, wall);
  EXPECT_LE(wall, Nanoseconds(CLOCK_REALTIME));
}

}  // namespace
}  // namespace holdfast
