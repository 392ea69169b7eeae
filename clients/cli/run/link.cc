#include "clients/cli/run/link.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

#include "absl/status/status.h"

namespace holdfast::cli {

absl::StatusOr<std::pair<Link, Link>> Link::CreatePair() {
  int ends[2];
  // Keeps messages apart, and tells when the other end has gone.
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  return std::pair(Link(FileDescriptor(ends[0])), Link(FileDescriptor(ends[1])));
}

void Link::Send(const Message& message) const {
  send(fd_.get(), &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Link::Heard Link::Receive() const {
  Message message;
  const ssize_t size = recv(fd_.get(), &message, sizeof(message), MSG_DONTWAIT);
  if (size == sizeof(message)) return {.message = message};
  // A reset is an end as well: the other process died with messages unread.
  return {.closed = size == 0 || (size < 0 && errno == ECONNRESET)};
}

absl::StatusOr<SharedState*> SharedState::Create() {
  void* const memory =
      mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, "mmap");
  return new (memory) SharedState;
}

}  // namespace holdfast::cli
