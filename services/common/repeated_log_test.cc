#include "services/common/repeated_log.h"

#include <chrono>
#include <optional>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

class SetClock final : public Clock {
 public:
  Now Read() const override { return {.monotonic = now}; }
  Instant now{};
};

TEST(RepeatedLogTest, WritesAtOnceAndThenOnceAnIntervalWithTheCount) {
  SetClock clock;
  RepeatedLog log(clock);
  EXPECT_EQ(log.Count("a"), 1u);
  EXPECT_EQ(log.Count("a"), std::nullopt);
  clock.now += RepeatedLog::kInterval - std::chrono::nanoseconds(1);
  EXPECT_EQ(log.Count("a"), std::nullopt);
  EXPECT_EQ(log.Count("b"), 1u) << "others are counted apart";
  clock.now += std::chrono::nanoseconds(1);
  EXPECT_EQ(log.Count("a"), 3u);
  EXPECT_EQ(log.Count("a"), std::nullopt);
}

}  // namespace
}  // namespace holdfast
