// Who is at the other end of a connection, as the kernel tells it: nothing that a client
// sends can change it.
//
// Of a Unix socket it is the user who connected, by the id that he has in this process's
// user namespace. Users that have none here all look like one, the kernel's overflow id
// (65534, "nobody"). Of a TCP socket it is the address, without the port: as much as can
// be said of who it is, and one machine or one translating gateway of many.

#ifndef HOLDFAST_SERVICES_NET_PEER_H_
#define HOLDFAST_SERVICES_NET_PEER_H_

#include <sys/types.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace holdfast {

// A plain value, to be compared and used as a key; thread-compatible.
struct Peer {
  enum class Kind : std::uint8_t {
    kUnknown,  // The connection was gone before it could be asked.
    kUser,
    kAddress,
  };

  Kind kind = Kind::kUnknown;
  uid_t uid = 0;                           // Of a user.
  std::array<std::uint8_t, 16> address{};  // IPv6; an IPv4 address as its mapped one.

  friend auto operator<=>(const Peer&, const Peer&) = default;

  // uid:1000, 192.0.2.1, 2001:db8::1, or unknown.
  std::string Text() const;
};

// REQUIRES: `fd` is a connected socket, or was one. Anything else is unknown.
Peer PeerOf(int fd);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_NET_PEER_H_
