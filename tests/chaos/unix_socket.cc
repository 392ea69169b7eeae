#include "tests/chaos/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace holdfast::chaos {
namespace {

[[noreturn]] void Fail(const std::string& path) {
  std::perror(path.c_str());
  std::abort();
}

sockaddr_un NameOf(const std::string& path) {
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof(name.sun_path)) {
    errno = ENAMETOOLONG;
    Fail(path);
  }
  std::copy(path.begin(), path.end(), name.sun_path);
  return name;
}

FileDescriptor NewSocket() {
  return FileDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

}  // namespace

FileDescriptor ListenOn(const std::string& path) {
  FileDescriptor listener = NewSocket();
  const sockaddr_un name = NameOf(path);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    Fail(path);
  }
  return listener;
}

FileDescriptor ConnectTo(const std::string& path) {
  FileDescriptor connection = TryConnectTo(path);
  if (!connection.valid()) Fail(path);
  return connection;
}

FileDescriptor TryConnectTo(const std::string& path) {
  FileDescriptor connection = NewSocket();
  const sockaddr_un name = NameOf(path);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return {};
  }
  return connection;
}

std::optional<std::string> LineSocket::ReadLine() {
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    char bytes[16 * 1024];
    const ssize_t count = recv(socket_.get(), bytes, sizeof(bytes), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    unread_.append(bytes, static_cast<std::size_t>(count));
  }
}

bool LineSocket::WriteLine(const std::string& line) {
  const std::string bytes = line + "\n";
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count =
        send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

void LineSocket::Shutdown() { shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace holdfast::chaos
