#include "services/net/socket_taps.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace holdfast {
namespace {

// By descriptor, in parts that are made when one of their descriptors has a tap. They stay:
// numbers are used again and again. A million descriptors are as many as Linux lets a
// process have unless its administrator says otherwise.
constexpr int kPartSize = 1'024;
constexpr int kParts = 1'024;

using Slot = std::atomic<std::shared_ptr<SocketTap>*>;
using Part = std::array<Slot, kPartSize>;

std::array<std::atomic<Part*>, kParts> parts{};

Slot* SlotOf(int fd) {
  if (fd < 0 || fd >= kPartSize * kParts) return nullptr;
  Part* const part =
      parts[static_cast<std::size_t>(fd / kPartSize)].load(std::memory_order_acquire);
  return part == nullptr ? nullptr : &(*part)[static_cast<std::size_t>(fd % kPartSize)];
}

SocketTap* TapOf(int fd) {
  Slot* const slot = SlotOf(fd);
  if (slot == nullptr) return nullptr;
  const std::shared_ptr<SocketTap>* const tap = slot->load(std::memory_order_acquire);
  return tap == nullptr ? nullptr : tap->get();
}

void Untap(int fd) {
  Slot* const slot = SlotOf(fd);
  if (slot == nullptr || slot->load(std::memory_order_relaxed) == nullptr) return;
  const std::unique_ptr<std::shared_ptr<SocketTap>> tap(slot->exchange(nullptr));
  if (tap != nullptr) (*tap)->OnClosing();
}

// Calls `with` for each piece of the first `bytes` of the message's data.
template <typename With>
void ForEachPiece(const msghdr& message, std::size_t bytes, With with) {
  for (std::size_t i = 0; i < message.msg_iovlen && bytes > 0; ++i) {
    const iovec& part = message.msg_iov[i];
    const std::size_t here = std::min(bytes, part.iov_len);
    with(std::string_view(static_cast<const char*>(part.iov_base), here));
    bytes -= here;
  }
}

}  // namespace

bool TapSocket(int fd, std::shared_ptr<SocketTap> tap) {
  if (fd < 0 || fd >= kPartSize * kParts) return false;
  std::atomic<Part*>& place = parts[static_cast<std::size_t>(fd / kPartSize)];
  if (place.load(std::memory_order_acquire) == nullptr) {
    auto part = std::make_unique<Part>();
    Part* none = nullptr;
    if (place.compare_exchange_strong(none, part.get())) part.release();
  }
  Untap(fd);  // It was closed by somebody who does not call close.
  SlotOf(fd)->store(new std::shared_ptr<SocketTap>(std::move(tap)), std::memory_order_release);
  return true;
}

}  // namespace holdfast

// As the C library declares them. The kernel is asked directly: to look the library's own
// functions up would be one more thing that can fail.
extern "C" {

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const ssize_t bytes = syscall(SYS_recvmsg, fd, message, flags);
  if (bytes <= 0 || (flags & MSG_PEEK) != 0) return bytes;
  holdfast::SocketTap* const tap = holdfast::TapOf(fd);
  if (tap == nullptr) return bytes;
  bool goes_on = true;
  holdfast::ForEachPiece(*message, static_cast<std::size_t>(bytes), [&](std::string_view piece) {
    goes_on = goes_on && tap->OnReceived(piece);
  });
  if (goes_on) return bytes;
  errno = ECONNRESET;
  return -1;
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const ssize_t bytes = syscall(SYS_sendmsg, fd, message, flags);
  if (bytes <= 0) return bytes;
  if (holdfast::SocketTap* const tap = holdfast::TapOf(fd)) {
    holdfast::ForEachPiece(*message, static_cast<std::size_t>(bytes),
                           [&](std::string_view piece) { tap->OnSent(piece); });
  }
  return bytes;
}

int getpeername(int fd, sockaddr* __restrict address, socklen_t* __restrict size) noexcept {
  const socklen_t room = *size;
  const auto result = static_cast<int>(syscall(SYS_getpeername, fd, address, size));
  if (result != 0 || *size < sizeof(sa_family_t) || address->sa_family != AF_UNIX) return result;
  const holdfast::SocketTap* const tap = holdfast::TapOf(fd);
  if (tap == nullptr) return result;
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = tap->PeerName();
  const std::size_t bytes = std::min(path.size(), sizeof(name.sun_path) - 1);
  std::copy_n(path.begin(), bytes, name.sun_path);
  *size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + bytes + 1);
  std::memcpy(address, &name, std::min(room, *size));
  return 0;
}

int close(int fd) {
  holdfast::Untap(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}

}  // extern "C"
