#include "services/net/inherited_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace holdfast {
namespace {

constexpr int kFirst = 3;

// More than anybody configures; beyond it the number is garbage.
constexpr int kMost = 1'000;

// Returns the variable's value and removes it.
std::string TakeVariable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

// As ListeningSocket::address has it.
std::string BoundText(const ListenAddress& address) {
  return address.is_unix() ? address.text : TcpAddressText(address.socket_address);
}

}  // namespace

absl::StatusOr<std::vector<FileDescriptor>> TakeInheritedSockets() {
  const std::string pid = TakeVariable("LISTEN_PID");
  const std::string count_text = TakeVariable("LISTEN_FDS");
  TakeVariable("LISTEN_FDNAMES");
  std::vector<FileDescriptor> sockets;
  // Else they are another process's, which has passed its environment on.
  if (pid != std::to_string(getpid())) return sockets;
  int count = 0;
  if (!absl::SimpleAtoi(count_text, &count) || count < 0 || count > kMost) {
    return absl::InvalidArgumentError(absl::StrCat("LISTEN_FDS=", count_text, " is no number"));
  }
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("LISTEN_FDS=", count, ", but descriptor ", fd, " is not open"));
    }
    sockets.emplace_back(fd);
  }
  return sockets;
}

absl::StatusOr<std::vector<std::unique_ptr<ListeningSocket>>> OpenSockets(
    const std::vector<ListenAddress>& addresses, std::vector<FileDescriptor> inherited) {
  std::vector<std::unique_ptr<ListeningSocket>> sockets;
  for (FileDescriptor& fd : inherited) {
    auto socket = ListeningSocket::Adopt(std::move(fd));
    if (!socket.ok()) return socket.status();
    sockets.push_back(*std::move(socket));
  }
  const std::size_t adopted = sockets.size();
  for (const ListenAddress& address : addresses) {
    const auto end = sockets.begin() + static_cast<std::ptrdiff_t>(adopted);
    const auto found = std::find_if(sockets.begin(), end, [&](const auto& socket) {
      return socket->address() == BoundText(address);
    });
    if (found != end) {
      (*found)->set_principal(address.principal);
      continue;
    }
    auto socket = ListeningSocket::Open(address);
    if (!socket.ok()) return socket.status();
    sockets.push_back(*std::move(socket));
  }
  return sockets;
}

}  // namespace holdfast
