#include "tests/support/stalled_watcher.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace holdfast {
namespace {

std::string BigEndian(std::uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(value >> shift & 0xff));
  }
  return text;
}

// A frame of HTTP/2 (RFC 9113, section 4.1).
std::string Frame(int type, int flags, std::uint32_t stream, const std::string& payload) {
  return BigEndian(static_cast<std::uint32_t>(payload.size()), 3) +
         BigEndian(static_cast<std::uint32_t>(type), 1) +
         BigEndian(static_cast<std::uint32_t>(flags), 1) + BigEndian(stream, 4) + payload;
}

// A header as HPACK's literal without indexing.
std::string Header(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  text.push_back(static_cast<char>(name.size()));
  text += name;
  text.push_back(static_cast<char>(value.size()));
  text += value;
  return text;
}

// The connection's beginning and the call of Watch with an empty request. Both windows
// are as large as can be, so that nothing but the socket keeps the server from writing.
std::string Request() {
  constexpr int kData = 0, kHeaders = 1, kSettings = 4, kWindowUpdate = 8;
  constexpr int kEndStream = 1, kEndHeaders = 4;
  constexpr int kInitialWindowSize = 4;
  constexpr std::uint32_t kLargestWindow = 0x7fffffff, kDefaultWindow = 0xffff;
  const std::string headers = Header(":method", "POST") + Header(":scheme", "http") +
                              Header(":path", "/holdfast.v1.LockService/Watch") +
                              Header(":authority", "localhost") + Header("te", "trailers") +
                              Header("content-type", "application/grpc");
  const std::string empty_message(5, '\0');
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
         Frame(kSettings, 0, 0, BigEndian(kInitialWindowSize, 2) + BigEndian(kLargestWindow, 4)) +
         Frame(kWindowUpdate, 0, 0, BigEndian(kLargestWindow - kDefaultWindow, 4)) +
         Frame(kHeaders, kEndHeaders, 1, headers) + Frame(kData, kEndStream, 1, empty_message);
}

}  // namespace

StalledWatcher::StalledWatcher(const std::string& socket_path)
    : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) std::abort();
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const std::string request = Request();
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      write(socket_.get(), request.data(), request.size()) !=
          static_cast<ssize_t>(request.size())) {
    std::abort();
  }
}

std::size_t StalledWatcher::unread() const {
  int bytes = 0;
  if (ioctl(socket_.get(), FIONREAD, &bytes) != 0) return 0;
  return static_cast<std::size_t>(bytes);
}

}  // namespace holdfast
