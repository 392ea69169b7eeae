#include "services/net/accept_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

// How long to leave it when there are no descriptors left. Nobody tells when
// there are some again.
constexpr int kPauseMilliseconds = 100;

// How often to look while there is something to look at.
constexpr int kLookMilliseconds = 250;

// How many to accept before the other sockets have their turn.
constexpr int kAtOnce = 64;

// How often to say that connections are turned away, while they are.
constexpr Duration kLogInterval = std::chrono::seconds(10);

// A client's machine that has vanished is noticed within 20 + 3 * 10 seconds, by
// the kernel, so that a waiter there is not granted a lock. Idle connections cost
// this process nothing that way.
constexpr int kKeepaliveIdleSeconds = 20;
constexpr int kKeepaliveIntervalSeconds = 10;
constexpr int kKeepaliveProbes = 3;
constexpr int kUnacknowledgedMilliseconds = 50'000;

void SetTcpOption(int fd, int option, int value) {
  setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

void PrepareTcpConnection(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  SetTcpOption(fd, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  SetTcpOption(fd, TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  SetTcpOption(fd, TCP_KEEPCNT, kKeepaliveProbes);
  SetTcpOption(fd, TCP_USER_TIMEOUT, kUnacknowledgedMilliseconds);
  // Answers are small and must not wait for one another.
  SetTcpOption(fd, TCP_NODELAY, 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AcceptLoop>> AcceptLoop::Start(Options options, const Clock& clock) {
  FileDescriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) {
    return absl::InternalError(std::string("cannot make an eventfd: ") + std::strerror(errno));
  }
  std::unique_ptr<AcceptLoop> loop(new AcceptLoop(std::move(options), clock, std::move(stop)));
  loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  return loop;
}

AcceptLoop::AcceptLoop(Options options, const Clock& clock, FileDescriptor stop)
    : options_(std::move(options)), clock_(clock), stop_(std::move(stop)) {}

AcceptLoop::~AcceptLoop() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void AcceptLoop::Run() {
  const auto& sockets = options_.sockets;
  std::vector<pollfd> polled{{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  for (const auto& socket : sockets) {
    polled.push_back({.fd = socket->fd(), .events = POLLIN, .revents = 0});
  }
  bool paused = false;
  while (true) {
    // In a pause only the end is listened for.
    const nfds_t count = paused ? 1 : polled.size();
    const int limit = paused ? kPauseMilliseconds : to_look_ ? kLookMilliseconds : -1;
    if (poll(polled.data(), count, limit) < 0) continue;
    if (polled.front().revents != 0) return;
    if (std::exchange(paused, false)) continue;
    if (to_look_) to_look_ = options_.look();
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if (polled[i + 1].revents != 0 && !AcceptSome(*sockets[i])) paused = true;
    }
  }
}

bool AcceptLoop::AcceptSome(const ListeningSocket& socket) {
  for (int i = 0; i < kAtOnce; ++i) {
    FileDescriptor connection(accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection.valid()) {
      if (errno == EAGAIN) return true;
      // These befell one connection; there may be others behind it.
      if (errno == EINTR || errno == ECONNABORTED) continue;
      LogFull();
      return false;
    }
    if (connection.get() >= options_.first_reserved_fd) {
      LogFull();
      continue;
    }
    if (!socket.is_unix()) PrepareTcpConnection(connection.get());
    options_.handler(socket, std::move(connection));
    to_look_ = options_.look != nullptr;
  }
  return true;
}

void AcceptLoop::LogFull() {
  const Instant now = clock_.Read().monotonic;
  if (logged_full_.has_value() && now - *logged_full_ < kLogInterval) return;
  logged_full_ = now;
  Log(LogLevel::kWarning, "refusing new connections: out of file descriptors",
      {{"connections_use_fds_below", options_.first_reserved_fd}});
}

}  // namespace holdfast
