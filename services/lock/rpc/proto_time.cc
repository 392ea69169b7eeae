#include "services/lock/rpc/proto_time.h"

#include <chrono>
#include <cstdint>

namespace holdfast {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// What the documentation of google.protobuf.Duration allows.
constexpr std::int64_t kMaxSeconds = 315'576'000'000;

constexpr std::int64_t kMaxSecondsOfOurs = Duration::max().count() / kNanosPerSecond;

bool IsWellFormed(const google::protobuf::Duration& proto) {
  const std::int64_t seconds = proto.seconds();
  const std::int64_t nanos = proto.nanos();
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds) return false;
  if (nanos <= -kNanosPerSecond || nanos >= kNanosPerSecond) return false;
  return !(seconds > 0 && nanos < 0) && !(seconds < 0 && nanos > 0);
}

}  // namespace

std::optional<Duration> FromDurationProto(const google::protobuf::Duration& proto) {
  if (!IsWellFormed(proto)) return std::nullopt;
  if (proto.seconds() >= kMaxSecondsOfOurs) return Duration::max();
  if (proto.seconds() <= -kMaxSecondsOfOurs) return Duration::min();
  return std::chrono::seconds(proto.seconds()) + std::chrono::nanoseconds(proto.nanos());
}

google::protobuf::Duration ToDurationProto(Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(duration.count() / kNanosPerSecond);
  proto.set_nanos(static_cast<std::int32_t>(duration.count() % kNanosPerSecond));
  return proto;
}

google::protobuf::Timestamp ToTimestampProto(WallTime time) {
  // Before 1970 the remainder is negative, and a Timestamp's nanos never are.
  std::int64_t seconds = static_cast<std::int64_t>(time) / kNanosPerSecond;
  std::int64_t nanos = static_cast<std::int64_t>(time) % kNanosPerSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  google::protobuf::Timestamp proto;
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<std::int32_t>(nanos));
  return proto;
}

}  // namespace holdfast
