#include "tests/fuzz/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace holdfast::fuzz {
namespace {

constexpr std::string_view kUnix = "unix:";

template <typename Address>
std::optional<FileDescriptor> Connect(int family, const Address& address) {
  FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::nullopt;
  }
  return socket;
}

// Waits until `events` are there. False: `limit` has passed.
bool Await(int fd, short events, std::chrono::milliseconds limit) {
  pollfd polled{.fd = fd, .events = events, .revents = 0};
  return poll(&polled, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

std::optional<RawConnection> RawConnection::Open(const std::string& address) {
  std::optional<FileDescriptor> socket;
  if (address.starts_with(kUnix)) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    std::copy(address.begin() + kUnix.size(), address.end(), name.sun_path);
    socket = Connect(AF_UNIX, name);
  } else {
    const std::size_t colon = address.rfind(':');
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = inet_addr(address.substr(0, colon).c_str());
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    socket = Connect(AF_INET, name);
  }
  if (!socket.has_value()) return std::nullopt;
  return RawConnection(*std::move(socket));
}

bool RawConnection::Drain() {
  std::array<char, 16'384> scrap;
  while (true) {
    const ssize_t count = recv(socket_.get(), scrap.data(), scrap.size(), MSG_DONTWAIT);
    if (count > 0) continue;
    return count < 0 && (errno == EAGAIN || errno == EINTR);
  }
}

bool RawConnection::Send(std::string_view bytes, std::chrono::milliseconds limit) {
  while (!bytes.empty()) {
    if (!Drain()) return false;
    const ssize_t count =
        send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EAGAIN || !Await(socket_.get(), POLLIN | POLLOUT, limit)) {
      return false;
    }
  }
  return true;
}

bool RawConnection::HangUp(std::chrono::milliseconds limit) {
  shutdown(socket_.get(), SHUT_WR);
  while (Drain()) {
    if (!Await(socket_.get(), POLLIN, limit)) return false;
  }
  return true;
}

}  // namespace holdfast::fuzz
