#include "clients/cpp/transport/address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include "common/file_descriptor.h"

namespace holdfast::core {
namespace {

constexpr std::string_view kUnix = "unix:";

// sockaddr_un has room for this, and a zero byte.
constexpr std::size_t kLongestPath = 107;

absl::Status Wrong(std::string_view address, std::string_view why) {
  return absl::InvalidArgumentError("address \"" + std::string(address) +
                                    "\": " + std::string(why));
}

bool IsPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

}  // namespace

absl::Status CheckAddress(std::string_view address) {
  if (address.starts_with(kUnix)) {
    const std::string_view path = address.substr(kUnix.size());
    if (path.empty()) return Wrong(address, "the path is missing");
    if (path.size() > kLongestPath) return Wrong(address, "a path can have at most 107 bytes");
    return absl::OkStatus();
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Wrong(address, "must be unix:/path or host:port");
  }
  const std::string_view host = address.substr(0, colon);
  if (host.find(':') != std::string_view::npos && !(host.front() == '[' && host.back() == ']')) {
    return Wrong(address, "an IPv6 address needs brackets: [::1]:port");
  }
  if (host.find('/') != std::string_view::npos) {
    return Wrong(address, "must be unix:/path or host:port");
  }
  if (!IsPort(address.substr(colon + 1))) return Wrong(address, "the port is invalid");
  return absl::OkStatus();
}

absl::Status CheckMayConnect(std::string_view address) {
  sockaddr_un name{};
  if (!address.starts_with(kUnix) || address.size() - kUnix.size() > kLongestPath) {
    return absl::OkStatus();
  }
  name.sun_family = AF_UNIX;
  address.substr(kUnix.size()).copy(name.sun_path, kLongestPath);
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return absl::OkStatus();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  const int result = connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name));
  if (result == 0 || errno != EACCES) return absl::OkStatus();
  return absl::PermissionDeniedError("cannot connect to " + std::string(address) +
                                     ": this user has no write permission on the socket, or no "
                                     "search permission on a directory of its path");
}

}  // namespace holdfast::core
