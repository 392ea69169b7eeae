#include "clients/cli/run/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace holdfast::cli {

std::vector<std::string> EnvironmentOfCommand(const RunOptions& options, const Lease& lease) {
  const std::array<std::string, 3> ours = {
      absl::StrCat("HOLDFAST_KEY=", lease.key()),
      absl::StrCat("HOLDFAST_TOKEN=", lease.fencing_token()),
      absl::StrCat("HOLDFAST_ADDRESS=", options.server.address)};
  const auto is_ours = [&ours](std::string_view variable) {
    return std::any_of(ours.begin(), ours.end(), [variable](std::string_view other) {
      const std::string_view name = other.substr(0, other.find('=') + 1);
      return variable.starts_with(name);
    });
  };
  std::vector<std::string> environment(ours.begin(), ours.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_ours(*variable)) environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace holdfast::cli
