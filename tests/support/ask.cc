#include "tests/support/ask.h"

namespace holdfast {

std::string Id(const std::string& name) { return "test-lease-id-of-" + name; }

std::string Id(const std::string& name, int number) {
  return Id(name) + "-" + std::to_string(number);
}

google::protobuf::Duration ToProto(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  google::protobuf::Duration proto;
  proto.set_seconds(seconds.count());
  proto.set_nanos(static_cast<int>((duration - seconds).count()));
  return proto;
}

std::chrono::nanoseconds FromProto(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + std::chrono::nanoseconds(duration.nanos());
}

v1::AcquireRequest ToRequest(const Ask& ask) {
  v1::AcquireRequest request;
  request.set_key(ask.key);
  request.set_lease_id(ask.lease_id);
  request.set_owner(ask.owner);
  for (const std::string& tag : ask.tags) request.add_tags(tag);
  if (ask.expire.has_value()) *request.mutable_expire() = ToProto(*ask.expire);
  if (ask.timeout.has_value()) *request.mutable_timeout() = ToProto(*ask.timeout);
  return request;
}

}  // namespace holdfast
