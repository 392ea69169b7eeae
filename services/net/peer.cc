#include "services/net/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

// What an IPv4 address has before it in IPv6.
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Peer UserOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  // What a socket that was never connected says.
  if (credentials.uid == static_cast<uid_t>(-1)) return {};
  return {.kind = Peer::Kind::kUser, .uid = credentials.uid};
}

Peer FromV4(const sockaddr_storage& storage) {
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof(v4));
  Peer peer{.kind = Peer::Kind::kAddress};
  auto* const rest = std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), peer.address.begin());
  std::memcpy(rest, &v4.sin_addr, sizeof(v4.sin_addr));
  return peer;
}

Peer FromV6(const sockaddr_storage& storage) {
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof(v6));
  Peer peer{.kind = Peer::Kind::kAddress};
  std::memcpy(peer.address.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
  return peer;
}

}  // namespace

std::string Peer::Text() const {
  if (kind == Kind::kUnknown) return "unknown";
  if (kind == Kind::kUser) return absl::StrCat("uid:", uid);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) {
    inet_ntop(AF_INET, address.data() + kMappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  }
  return text.data();
}

Peer PeerOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  switch (storage.ss_family) {
    case AF_UNIX:
      return UserOf(fd);
    case AF_INET:
      return FromV4(storage);
    case AF_INET6:
      return FromV6(storage);
    default:
      return {};
  }
}

}  // namespace holdfast
