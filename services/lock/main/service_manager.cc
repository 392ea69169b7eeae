#include "services/lock/main/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/file_descriptor.h"
#include "services/common/log.h"

namespace holdfast {

void TellServiceManager(std::string_view state) {
  const char* const value = std::getenv("NOTIFY_SOCKET");
  if (value == nullptr || *value == '\0') return;
  std::string path = value;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if ((path[0] != '/' && path[0] != '@') || path.size() > sizeof(name.sun_path)) {
    Log(LogLevel::kWarning, "cannot tell the service manager", {{"notify_socket", path}});
    return;
  }
  // An abstract name, which begins with a zero.
  if (path[0] == '@') path[0] = '\0';
  std::memcpy(name.sun_path, path.data(), path.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const ssize_t sent = sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&name), length);
  if (sent != static_cast<ssize_t>(state.size())) {
    Log(LogLevel::kWarning, "cannot tell the service manager",
        {{"notify_socket", value}, {"error", std::strerror(errno)}});
  }
}

}  // namespace holdfast
