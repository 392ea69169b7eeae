#include "services/net/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "services/common/principal.h"

namespace holdfast {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

absl::Status Invalid(std::string_view text, const std::string& problem) {
  return absl::InvalidArgumentError(
      absl::StrCat(absl::string_view(text.data(), text.size()), ": ", problem));
}

constexpr unsigned kMaxMode = 0777;

std::optional<mode_t> ParseMode(std::string_view text) {
  unsigned mode = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, mode, 8);
  if (error != std::errc() || rest != end || mode > kMaxMode) return std::nullopt;
  return mode;
}

// `options`: what follows the path, with its comma.
absl::Status ParseOptions(std::string_view text, std::string_view options, ListenAddress& result) {
  bool has_mode = false;
  while (!options.empty()) {
    options.remove_prefix(1);
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(option.size());
    if (option.starts_with("mode=") && !has_mode) {
      const std::optional<mode_t> mode = ParseMode(option.substr(sizeof("mode=") - 1));
      if (!mode.has_value()) return Invalid(text, "the mode must be octal, from 0 to 0777");
      result.unix_mode = *mode;
      has_mode = true;
    } else if (option.starts_with("group=") && result.unix_group.empty()) {
      result.unix_group = option.substr(sizeof("group=") - 1);
      if (result.unix_group.empty()) return Invalid(text, "the group is missing");
    } else if (option.starts_with("principal=") && result.principal.empty()) {
      result.principal = option.substr(sizeof("principal=") - 1);
      if (!Principal::IsName(result.principal)) {
        return Invalid(text, "a principal has 1 to 256 characters, and no space in it");
      }
    } else {
      return Invalid(text,
                     absl::StrCat("expected mode=..., group=... or principal=..., once each, after "
                                  "a comma, not \"",
                                  absl::string_view(option.data(), option.size()), "\""));
    }
  }
  if (!has_mode && !result.unix_group.empty()) result.unix_mode = 0660;
  return absl::OkStatus();
}

absl::StatusOr<ListenAddress> ParseUnix(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(','));
  const std::string_view path = name.substr(kUnixPrefix.size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return Invalid(text, "the path is missing");
  // One byte is for the zero at the end.
  constexpr std::size_t kMax = sizeof(address.sun_path) - 1;
  if (path.size() > kMax) {
    return Invalid(text, absl::StrCat("the path of a Unix socket has at most ", kMax, " bytes"));
  }
  if (path.find('\0') != std::string_view::npos)
    return Invalid(text, "the path contains a NUL byte");
  std::memcpy(address.sun_path, path.data(), path.size());

  ListenAddress result{
      .text = std::string(name), .unix_path = std::string(path), .length = sizeof(address)};
  std::memcpy(&result.socket_address, &address, sizeof(address));
  absl::Status status = ParseOptions(text, text.substr(name.size()), result);
  if (!status.ok()) return status;
  return result;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || rest != end) return std::nullopt;
  return port;
}

// False: `host` is no IPv4 address, no IPv6 address in brackets, nor localhost.
bool SetTcp(std::string_view host, std::uint16_t port, ListenAddress& result) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  const std::string name(host == "localhost" ? "127.0.0.1" : host);
  if (inet_pton(AF_INET, name.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&result.socket_address, &v4, sizeof(v4));
    result.length = sizeof(v4);
    return true;
  }
  if (!name.starts_with('[') || !name.ends_with(']')) return false;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, name.substr(1, name.size() - 2).c_str(), &v6.sin6_addr) != 1) {
    return false;
  }
  std::memcpy(&result.socket_address, &v6, sizeof(v6));
  result.length = sizeof(v6);
  return true;
}

}  // namespace

bool ListenAddress::is_local() const {
  if (is_unix()) return true;
  if (socket_address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &socket_address, sizeof(v4));
    return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &socket_address, sizeof(v6));
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return ParseUnix(text);
  if (text.find(',') != std::string_view::npos) {
    return Invalid(text, "only a Unix socket takes options after a comma");
  }

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Invalid(text, "is neither unix:/path nor host:port");
  const std::optional<std::uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port.has_value()) return Invalid(text, "the port must be a number from 0 to 65535");

  ListenAddress result{.text = std::string(text)};
  if (!SetTcp(text.substr(0, colon), *port, result)) {
    return Invalid(text,
                   "the host must be an IPv4 address, an IPv6 address in brackets, or localhost");
  }
  return result;
}

std::string TcpAddressText(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    return absl::StrCat("[", host.data(), "]:", ntohs(v6.sin6_port));
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof(v4));
  inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
  return absl::StrCat(host.data(), ":", ntohs(v4.sin_port));
}

}  // namespace holdfast
