#include "tests/support/steered_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

// A sender is not read from while this much of what it said is still here, as a network
// would have it. Far more than a test says to a server that does not listen.
constexpr std::size_t kMaxKept = std::size_t{1} << 20;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

FileDescriptor NewSocket() {
  return FileDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

FileDescriptor Listen(const std::string& path) {
  FileDescriptor listener = NewSocket();
  const sockaddr_un address = AddressOf(path);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  return listener;
}

// Not valid if nobody listens there.
FileDescriptor Connect(const std::string& path) {
  FileDescriptor connection = NewSocket();
  const sockaddr_un address = AddressOf(path);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    connection.Reset();
  }
  return connection;
}

bool WouldBlock() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

SteeredProxy::SteeredProxy(const std::string& server)
    : server_path_(server.substr(server.find(':') + 1)),
      listener_(Listen(folder_.path() + "/proxy")),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { Run(); }) {}

SteeredProxy::~SteeredProxy() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

void SteeredProxy::Cut() {
  MutexLock lock(mutex_);
  open_.clear();
  Wake();
}

void SteeredProxy::Refuse() {
  MutexLock lock(mutex_);
  refusing_ = true;
}

void SteeredProxy::Admit() {
  MutexLock lock(mutex_);
  refusing_ = false;
}

void SteeredProxy::Hold(Direction direction) {
  MutexLock lock(mutex_);
  held_[direction] = true;
}

void SteeredProxy::Pass(Direction direction) {
  MutexLock lock(mutex_);
  held_[direction] = false;
  Wake();
}

std::size_t SteeredProxy::bytes_held(Direction direction) const {
  MutexLock lock(mutex_);
  std::size_t held = 0;
  for (const Connection& connection : open_) held += connection.flows[direction].bytes.size();
  return held_[direction] ? held : 0;
}

int SteeredProxy::connections() const {
  MutexLock lock(mutex_);
  return connections_;
}

void SteeredProxy::Wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

void SteeredProxy::Run() {
  for (;;) {
    std::vector<pollfd> ready = {{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      for (const Connection& connection : open_) {
        for (const Flow& flow : connection.flows) {
          if (!flow.ended && flow.bytes.size() < kMaxKept) {
            ready.push_back({.fd = flow.from, .events = POLLIN, .revents = 0});
          }
          const bool held = held_[&flow - connection.flows.data()];
          if (!flow.bytes.empty() && !held) {
            ready.push_back({.fd = flow.to, .events = POLLOUT, .revents = 0});
          }
        }
      }
    }
    // A connection that is cut meanwhile is not looked at any more; its number may be
    // another's by then, which costs one look too many.
    poll(ready.data(), ready.size(), -1);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t cleared = read(wake_.get(), &count, sizeof(count));
    MutexLock lock(mutex_);
    Accept();
    for (Connection& connection : open_) Move(connection);
    open_.remove_if([](const Connection& connection) { return connection.broken; });
  }
}

void SteeredProxy::Accept() {
  for (;;) {
    FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid()) return;
    if (refusing_) continue;
    FileDescriptor server = Connect(server_path_);
    if (!server.valid()) continue;
    ++connections_;
    Connection& added = open_.emplace_back();
    added.client = std::move(client);
    added.server = std::move(server);
    added.flows[kToServer] = {.from = added.client.get(), .to = added.server.get()};
    added.flows[kToClient] = {.from = added.server.get(), .to = added.client.get()};
  }
}

void SteeredProxy::Move(Connection& connection) {
  for (const Direction direction : {kToServer, kToClient}) {
    Flow& flow = connection.flows[direction];
    char bytes[16384];
    while (!flow.ended && flow.bytes.size() < kMaxKept) {
      const ssize_t count = read(flow.from, bytes, sizeof(bytes));
      if (count < 0 && WouldBlock()) break;
      if (count <= 0) {
        flow.ended = true;
      } else {
        flow.bytes.append(bytes, static_cast<std::size_t>(count));
      }
    }
    if (held_[direction]) continue;
    while (!flow.bytes.empty()) {
      const ssize_t count = send(flow.to, flow.bytes.data(), flow.bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && WouldBlock()) break;
      if (count < 0) {
        // Nobody hears it any more.
        flow.bytes.clear();
        flow.ended = true;
        break;
      }
      flow.bytes.erase(0, static_cast<std::size_t>(count));
    }
    if (flow.ended && flow.bytes.empty() && !flow.ended_to) {
      flow.ended_to = true;
      shutdown(flow.to, SHUT_WR);
    }
  }
  connection.broken = connection.flows[kToServer].ended_to && connection.flows[kToClient].ended_to;
}

}  // namespace holdfast
