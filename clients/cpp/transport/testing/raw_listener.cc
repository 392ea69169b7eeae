#include "clients/cpp/transport/testing/raw_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace holdfast::core {
namespace {

// Frames: three bytes of length, one of type, one of flags, four of stream.
constexpr std::array<std::uint8_t, 9> kSettings = {0, 0, 0, 4, 0, 0, 0, 0, 0};
// The last stream that was looked at is 0, and there was no error.
constexpr std::array<std::uint8_t, 17> kGoAway = {0, 0, 8, 7};
constexpr std::uint8_t kHeaders = 1;
constexpr std::size_t kPreface = 24;  // What a client says first.

bool Read(int connection, void* to, std::size_t size) {
  return recv(connection, to, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

template <std::size_t size>
void Write(int connection, const std::array<std::uint8_t, size>& frame) {
  static_cast<void>(send(connection, frame.data(), size, MSG_NOSIGNAL));
}

int Listen(std::string_view path) {
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) std::abort();
  if (listen(listener, 16) != 0) std::abort();
  return listener;
}

}  // namespace

RawListener::RawListener(const std::string& path, Manner manner)
    : manner_(manner), listener_(Listen(path)), thread_([this] { Run(); }) {}

RawListener::~RawListener() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

void RawListener::Run() {
  for (;;) {
    FileDescriptor connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return;
    ++connections_;
    if (manner_ == Manner::kSilent) silent_.push_back(std::move(connection));
    if (manner_ == Manner::kRefuses) Refuse(connection.get());
  }
}

void RawListener::Refuse(int connection) {
  Write(connection, kSettings);
  std::array<std::uint8_t, 16'384> ignored{};
  if (!Read(connection, ignored.data(), kPreface)) return;
  std::array<std::uint8_t, 9> head{};
  while (Read(connection, head.data(), head.size())) {
    const std::size_t size = std::size_t{head[0]} << 16U | std::size_t{head[1]} << 8U | head[2];
    if (size > ignored.size() || !Read(connection, ignored.data(), size)) return;
    if (head[3] == kHeaders) {
      ++calls_;
      Write(connection, kGoAway);
      return;
    }
  }
}

}  // namespace holdfast::core
