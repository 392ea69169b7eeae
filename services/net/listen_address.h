// An address to listen on, as --listen has it: unix:/path, or host:port.

#ifndef HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_
#define HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast {

// A plain value, thread-compatible.
struct ListenAddress {
  std::string text;       // As people write it, and clients too.
  std::string unix_path;  // Empty for TCP.

  // For bind(2).
  sockaddr_storage socket_address{};
  socklen_t length = 0;

  bool is_unix() const { return !unix_path.empty(); }
};

// `host` is an IPv4 address, an IPv6 address in brackets, or `localhost`, which
// is 127.0.0.1. Names are not looked up: what a name stands for may change while
// a server runs. Port 0 takes a free one. INVALID_ARGUMENT: anything else.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// The address that a TCP socket is bound to, as ListenAddress::text.
std::string TcpAddressText(const sockaddr_storage& address);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_
