#include "services/net/connections.h"

#include <sys/socket.h>

#include <optional>

namespace holdfast {
namespace {

std::optional<std::uint64_t> CookieOf(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return std::nullopt;
  return cookie;
}

}  // namespace

void Connections::Add(int fd) {
  if (const std::optional<std::uint64_t> cookie = CookieOf(fd)) cookies_[fd] = *cookie;
}

int Connections::Cut() const {
  int cut = 0;
  for (const auto& [fd, cookie] : cookies_) {
    if (CookieOf(fd) == cookie && shutdown(fd, SHUT_RDWR) == 0) ++cut;
  }
  return cut;
}

}  // namespace holdfast
