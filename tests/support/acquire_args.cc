#include "tests/support/acquire_args.h"

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

v1::AcquireRequest ToRequest(const AcquireArgs& args) {
  v1::AcquireRequest request;
  request.set_key(args.key);
  request.set_lease_id(args.lease_id);
  request.set_owner(args.owner);
  for (const std::string& tag : args.tags) request.add_tags(tag);
  if (args.expire.has_value()) *request.mutable_expire() = ToProto(*args.expire);
  if (args.timeout.has_value()) *request.mutable_timeout() = ToProto(*args.timeout);
  request.set_bound(args.bound);
  if (args.max_hold.has_value()) *request.mutable_max_hold() = ToProto(*args.max_hold);
  return request;
}

}  // namespace holdfast
