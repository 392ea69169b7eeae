#include "tests/bench/load/socket_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace holdfast::bench {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

// The loop that the thread runs, if it runs one.
thread_local SocketLoop* running = nullptr;

FileDescriptor ConnectUnix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return {};
  std::memcpy(name.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&name);
  if (connect(socket.get(), address, sizeof(name)) != 0) return {};
  return socket;
}

FileDescriptor ConnectTcp(const std::string& host, const std::string& port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
  if (inet_pton(AF_INET, host.c_str(), &name.sin_addr) != 1) return {};
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&name);
  if (connect(socket.get(), address, sizeof(name)) != 0) return {};
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

[[noreturn]] void Lost() {
  std::fprintf(stderr, "load: the server has closed a connection\n");
  std::_Exit(1);
}

}  // namespace

bool SocketConnection::Connect(const std::string& address) {
  if (address.starts_with("unix:")) {
    socket_ = ConnectUnix(address.substr(5));
  } else {
    const std::size_t colon = address.rfind(':');
    socket_ = ConnectTcp(address.substr(0, colon), address.substr(colon + 1));
  }
  return socket_.valid();
}

bool SocketConnection::Ask(std::string_view request,
                           const std::function<bool(std::string_view)>& complete) {
  while (!request.empty()) {
    const ssize_t written = send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (written <= 0) return false;
    request.remove_prefix(static_cast<std::size_t>(written));
  }
  std::string answer;
  std::array<char, 4096> part;
  while (!complete(answer)) {
    const ssize_t count = recv(socket_.get(), part.data(), part.size(), 0);
    if (count <= 0) return false;
    answer.append(part.data(), static_cast<std::size_t>(count));
  }
  return true;
}

void SocketConnection::Send(Slot& slot, std::string_view request) {
  MutexLock lock(mutex_);
  asked_.push_back(&slot);
  unsent_.append(request);
  if (running != loop_) {
    FlushLocked();
  } else if (!in_line_) {
    in_line_ = true;
    loop_->to_flush_.push_back(this);
  }
}

Slot* SocketConnection::TakeNext() {
  MutexLock lock(mutex_);
  if (asked_.empty()) return nullptr;
  Slot* slot = asked_.front();
  asked_.pop_front();
  return slot;
}

void SocketConnection::Flush() {
  MutexLock lock(mutex_);
  FlushLocked();
}

void SocketConnection::FlushLocked() {
  while (!unsent_.empty()) {
    const ssize_t written = send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) Lost();
    if (written < 0) break;
    unsent_.erase(0, static_cast<std::size_t>(written));
  }
  if (awaits_room_ == !unsent_.empty()) return;
  awaits_room_ = !awaits_room_;
  epoll_event event{};
  event.events = EPOLLIN | (awaits_room_ ? EPOLLOUT : 0U);
  event.data.ptr = this;
  epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, socket_.get(), &event);
}

SocketLoop::SocketLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC)), buffer_(kReadBytes, 0) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

SocketLoop::~SocketLoop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof(one)) != sizeof(one)) std::abort();
  if (thread_.joinable()) thread_.join();
}

void SocketLoop::Add(SocketConnection& connection) {
  fcntl(connection.socket_.get(), F_SETFL, O_NONBLOCK);
  connection.loop_ = this;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &connection;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket_.get(), &event);
}

void SocketLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void SocketLoop::Run() {
  running = this;
  std::array<epoll_event, 256> events{};
  while (!stopping_) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto* connection = static_cast<SocketConnection*>(event.data.ptr);
      if (connection == nullptr) continue;  // Woken to stop.
      if ((event.events & EPOLLOUT) != 0) connection->Flush();
      if ((event.events & ~EPOLLOUT) != 0) Read(*connection);
    }
    FlushAll();
  }
}

void SocketLoop::Read(SocketConnection& connection) {
  const ssize_t count = recv(connection.socket_.get(), buffer_.data(), buffer_.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) Lost();
  const std::string_view part(buffer_.data(), static_cast<std::size_t>(count));
  if (connection.arrived_.empty()) {
    connection.arrived_ = part.substr(connection.Consume(part));
    return;
  }
  connection.arrived_ += part;
  connection.arrived_.erase(0, connection.Consume(connection.arrived_));
}

void SocketLoop::FlushAll() {
  for (SocketConnection* connection : to_flush_) {
    connection->in_line_ = false;
    connection->Flush();
  }
  to_flush_.clear();
}

}  // namespace holdfast::bench
