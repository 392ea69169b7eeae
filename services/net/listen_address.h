// An address to listen on, as --listen has it: host:port, or unix:/path with options
// behind it that say who may connect:
//
//     unix:/run/holdfast/holdfast.sock,mode=0660,group=holdfast
//
// and who they are, whoever they are (principal.h):
//
//     unix:/run/holdfast/billing.sock,group=billing,principal=billing
//
// The path ends at the first comma, so it cannot have one itself.

#ifndef HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_
#define HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast {

// A plain value, thread-compatible.
struct ListenAddress {
  std::string text;       // As people write it, and clients too: without the options.
  std::string unix_path;  // Empty for TCP.

  // Of the socket's file, whatever the process's umask is. To connect takes the right
  // to write. By default its owner alone has it, or its group too if one is given.
  mode_t unix_mode = 0600;
  std::string unix_group;  // A name, or a number. Empty: that of the process.

  // Of everybody who connects. Empty: of each his own.
  std::string principal;

  // For bind(2).
  sockaddr_storage socket_address{};
  socklen_t length = 0;

  bool is_unix() const { return !unix_path.empty(); }

  // Nobody on another host can reach it.
  bool is_local() const;
};

// `host` is an IPv4 address, an IPv6 address in brackets, or `localhost`, which
// is 127.0.0.1. Names are not looked up: what a name stands for may change while
// a server runs. Port 0 takes a free one. Whether there is such a group is seen when
// the socket is opened. INVALID_ARGUMENT: anything else.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// The address that a TCP socket is bound to, as ListenAddress::text.
std::string TcpAddressText(const sockaddr_storage& address);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_LISTEN_ADDRESS_H_
