#include "clients/cli/diagnosis.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/file_descriptor.h"
#include "holdfast/error.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kUnix = "unix:";

// For the connection, and again for the answer: who waits for this has waited already.
constexpr int kPatienceMs = 250;

// How HTTP/2 begins, and with it gRPC: the preface, and settings of which there are none.
constexpr std::string_view kHello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

bool Await(int fd, short events) {
  pollfd ready{.fd = fd, .events = events};
  return poll(&ready, 1, kPatienceMs) == 1;
}

struct Connection {
  FileDescriptor socket{};
  int error = 0;  // 0: it stands.
};

Connection Connect(int family, const sockaddr* name, socklen_t size) {
  FileDescriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return {.error = errno};
  int error = connect(fd.get(), name, size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    error = ETIMEDOUT;
    socklen_t length = sizeof(error);
    if (Await(fd.get(), POLLOUT)) getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  }
  return {.socket = std::move(fd), .error = error};
}

// What is behind the connection, by what it answers to the hello.
std::string NameProtocol(int fd) {
  send(fd, kHello.data(), kHello.size(), MSG_NOSIGNAL);
  if (!Await(fd, POLLIN)) return "";
  std::array<char, 64> bytes{};
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
  // What a server of TLS does that has not taken the time to say why.
  if (size <= 0) return "it closes the connection without an answer; does it expect TLS?";
  const std::string_view answer(bytes.data(), static_cast<std::size_t>(size));
  // An alert: its record type, and the major version of the protocol.
  if (answer.starts_with("\x15\x03")) return "it expects TLS, which holdfastd does not speak";
  if (answer.starts_with("HTTP/1") || answer.starts_with("<")) {
    return "an HTTP/1 server answers there, not holdfastd";
  }
  // A frame of settings is what HTTP/2 begins with.
  constexpr std::size_t kTypeOfFrame = 3;
  if (answer.size() > kTypeOfFrame && answer[kTypeOfFrame] == 4) return "";
  return "what answers there is not holdfastd";
}

std::string Describe(const Connection& connection) {
  switch (connection.error) {
    case 0:
      return NameProtocol(connection.socket.get());
    case ECONNREFUSED:
      return "nothing is listening there; is holdfastd running?";
    default:
      return std::strerror(connection.error);
  }
}

std::string DiagnoseUnix(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 && errno == ENOENT) {
    return "the socket does not exist; is holdfastd running?";
  }
  if (status.st_mode != 0 && !S_ISSOCK(status.st_mode)) return "that is not a socket";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  return Describe(Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof(name)));
}

std::string DiagnoseTcp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return gai_strerror(error);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> names(found, freeaddrinfo);
  return Describe(Connect(found->ai_family, found->ai_addr, found->ai_addrlen));
}

}  // namespace

std::string Diagnose(const std::string& address) {
  return address.starts_with(kUnix) ? DiagnoseUnix(address.substr(kUnix.size()))
                                    : DiagnoseTcp(address);
}

absl::Status WithDiagnosis(const absl::Status& status, const std::string& address) {
  if (!absl::IsUnavailable(status) || ReasonOf(status) != ErrorReason::kUnspecified) return status;
  const std::string diagnosis = Diagnose(address);
  if (diagnosis.empty()) return status;
  return absl::UnavailableError(
      absl::StrCat(status.message(), " (", address, ": ", diagnosis, ")"));
}

}  // namespace holdfast::cli
