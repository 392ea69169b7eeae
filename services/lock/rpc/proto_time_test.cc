#include "services/lock/rpc/proto_time.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::optional<Duration> Parse(std::int64_t s, std::int32_t nanos) {
  google::protobuf::Duration proto;
  proto.set_seconds(s);
  proto.set_nanos(nanos);
  return FromDurationProto(proto);
}

TEST(FromProtoTest, AddsSecondsAndNanos) {
  EXPECT_EQ(Parse(0, 0), Duration::zero());
  EXPECT_EQ(Parse(0, 1), nanoseconds(1));
  EXPECT_EQ(Parse(3, 999'999'999), seconds(4) - nanoseconds(1));
  EXPECT_EQ(Parse(-3, -500'000'000), -(seconds(3) + nanoseconds(500'000'000)));
  EXPECT_EQ(Parse(0, -1), nanoseconds(-1));
}

TEST(FromProtoTest, RefusesNanosOfASecondOrMore) {
  EXPECT_NE(Parse(0, 999'999'999), std::nullopt);
  EXPECT_EQ(Parse(0, 1'000'000'000), std::nullopt);
  EXPECT_NE(Parse(0, -999'999'999), std::nullopt);
  EXPECT_EQ(Parse(0, -1'000'000'000), std::nullopt);
  EXPECT_EQ(Parse(0, std::numeric_limits<std::int32_t>::min()), std::nullopt);
}

TEST(FromProtoTest, RefusesSignsThatDiffer) {
  EXPECT_EQ(Parse(1, -1), std::nullopt);
  EXPECT_EQ(Parse(-1, 1), std::nullopt);
}

TEST(FromProtoTest, RefusesMoreSecondsThanTenThousandYears) {
  EXPECT_NE(Parse(315'576'000'000, 0), std::nullopt);
  EXPECT_EQ(Parse(315'576'000'001, 0), std::nullopt);
  EXPECT_NE(Parse(-315'576'000'000, 0), std::nullopt);
  EXPECT_EQ(Parse(-315'576'000'001, 0), std::nullopt);
  EXPECT_EQ(Parse(std::numeric_limits<std::int64_t>::max(), 0), std::nullopt);
  EXPECT_EQ(Parse(std::numeric_limits<std::int64_t>::min(), 0), std::nullopt);
}

TEST(FromProtoTest, TakesWhatIsTooLongForUsAsTheLongest) {
  EXPECT_EQ(Parse(9'223'372'035, 999'999'999), seconds(9'223'372'036) - nanoseconds(1));
  EXPECT_EQ(Parse(9'223'372'036, 0), Duration::max());
  EXPECT_EQ(Parse(9'223'372'036, 999'999'999), Duration::max());
  EXPECT_EQ(Parse(-9'223'372'036, -999'999'999), Duration::min());
}

TEST(ToProtoTest, GivesDurationsThatComeBackTheSame) {
  for (const Duration duration :
       {Duration::zero(), Duration(nanoseconds(1)), Duration(seconds(86'400)) + nanoseconds(7),
        Duration(nanoseconds(-1'500'000'000))}) {
    EXPECT_EQ(FromDurationProto(ToDurationProto(duration)), duration) << duration.count();
  }
}

TEST(ToProtoTest, KeepsTheNanosOfATimestampPositive) {
  const auto after = ToTimestampProto(WallTime{1'500'000'000});
  EXPECT_EQ(after.seconds(), 1);
  EXPECT_EQ(after.nanos(), 500'000'000);
  const auto before = ToTimestampProto(WallTime{-1});
  EXPECT_EQ(before.seconds(), -1);
  EXPECT_EQ(before.nanos(), 999'999'999);
}

}  // namespace
}  // namespace holdfast
