// What a test asks for, as a plain value with names:
//
//   client.Acquire({.key = "k", .lease_id = Id("a"), .expire = std::chrono::seconds(10)});

#ifndef HOLDFAST_TESTS_SUPPORT_ACQUIRE_ARGS_H_
#define HOLDFAST_TESTS_SUPPORT_ACQUIRE_ARGS_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/duration.pb.h"
#include "holdfast/v1/lock_service.pb.h"

namespace holdfast {

struct AcquireArgs {
  std::string key{};
  std::string lease_id{};
  std::optional<std::chrono::nanoseconds> expire{};
  std::vector<std::string> tags{};
  std::string owner{};
  std::optional<std::chrono::nanoseconds> timeout{};
  bool bound = false;
  std::optional<std::chrono::nanoseconds> max_hold{};
};

// A lease_id that is long enough, from a short name: the same for the same name.
std::string Id(const std::string& name);
std::string Id(const std::string& name, int number);

v1::AcquireRequest ToRequest(const AcquireArgs& args);
google::protobuf::Duration ToProto(std::chrono::nanoseconds duration);
std::chrono::nanoseconds FromProto(const google::protobuf::Duration& duration);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_ACQUIRE_ARGS_H_
