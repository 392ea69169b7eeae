#include "tests/chaos/cutting_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "tests/chaos/unix_socket.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// The moment of BootTime() at which something is to happen.
using Moment = nanoseconds;
constexpr Moment kNever = Moment::max();

constexpr std::size_t kChunk = 16 * 1024;

// What is to become of one connection.
struct Fate {
  Moment swallow_at = kNever;
  Moment cut_client_at = kNever;
  Moment cut_server_at = kNever;
  milliseconds delay{0};  // Of every chunk.

  static Fate Draw(std::mt19937_64& random, Moment now) {
    const auto between = [&](int least, int most) {
      return std::uniform_int_distribution<int>(least, most)(random);
    };
    const auto span = [&](int least, int most) { return milliseconds(between(least, most)); };
    Fate fate;
    const Moment cut = now + span(20, 1500);
    const int kind = between(1, 100);
    if (kind <= 40) {  // Both ends at once.
      fate.cut_client_at = fate.cut_server_at = cut;
    } else if (kind <= 55) {  // The server does not notice for a while.
      fate.cut_client_at = cut;
      fate.cut_server_at = cut + span(1, 300);
    } else if (kind <= 70) {  // The client does not notice for a while.
      fate.cut_server_at = cut;
      fate.cut_client_at = cut + span(1, 300);
    } else if (kind <= 90) {
      fate.swallow_at = cut;
      fate.cut_client_at = fate.cut_server_at = cut + span(1, 300);
    }  // Else it lives for as long as its ends do.
    if (between(1, 100) <= 30) fate.delay = span(1, 20);
    return fate;
  }
};

// What one side has sent and the other has not been given yet. Chunks go on in order,
// each when its time has come.
class Lane {
 public:
  // Reads what there is. False: the sender has closed.
  bool Read(int fd, Moment pass_on_at) {
    std::string chunk(kChunk, '\0');
    const ssize_t count = recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    chunk.resize(static_cast<std::size_t>(count));
    chunks_.push_back({.pass_on_at = pass_on_at, .bytes = std::move(chunk)});
    return true;
  }

  // False: the receiver has closed.
  bool PassOn(int fd, Moment now) {
    while (!chunks_.empty() && chunks_.front().pass_on_at <= now) {
      std::string& bytes = chunks_.front().bytes;
      const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      bytes.erase(0, static_cast<std::size_t>(count));
      if (bytes.empty()) chunks_.pop_front();
    }
    return true;
  }

  // Returns how many bytes were lost.
  std::uint64_t Drop() {
    std::uint64_t lost = 0;
    for (const Chunk& chunk : chunks_) lost += chunk.bytes.size();
    chunks_.clear();
    return lost;
  }

  bool empty() const { return chunks_.empty(); }
  Moment next() const { return chunks_.empty() ? kNever : chunks_.front().pass_on_at; }

 private:
  struct Chunk {
    Moment pass_on_at{};
    std::string bytes{};
  };
  std::deque<Chunk> chunks_;
};

}  // namespace

// Used by the proxy's thread alone.
class CuttingProxy::Connection {
 public:
  Connection(FileDescriptor client, FileDescriptor server, const Fate& fate)
      : client_(std::move(client)), server_(std::move(server)), fate_(fate) {}

  void BecomeHarmless() {
    // What has been swallowed cannot be given back.
    if (!swallowing_) fate_ = {};
  }

  // Does what is due. False: it is over.
  bool Work(Moment now, std::uint64_t& swallowed) {
    swallowing_ = swallowing_ || now >= fate_.swallow_at;
    if (now >= fate_.cut_client_at) client_.Reset();
    if (now >= fate_.cut_server_at) server_.Reset();
    const Moment pass_on_at = now + fate_.delay;
    // An end that has closed of its own accord takes the other one with it, as soon as
    // that has been given what is on its way.
    if (client_.valid() && !to_server_.Read(client_.get(), pass_on_at)) client_.Reset();
    if (server_.valid() && !to_client_.Read(server_.get(), pass_on_at)) server_.Reset();
    if (swallowing_) swallowed += to_client_.Drop();
    if (server_.valid() && !to_server_.PassOn(server_.get(), now)) server_.Reset();
    if (client_.valid() && !to_client_.PassOn(client_.get(), now)) client_.Reset();
    return HasWork(now);
  }

  void AddTo(std::vector<pollfd>& waited) const {
    if (client_.valid()) waited.push_back({.fd = client_.get(), .events = POLLIN, .revents = 0});
    if (server_.valid()) waited.push_back({.fd = server_.get(), .events = POLLIN, .revents = 0});
  }

  // When Work has something to do next, apart from what the ends send.
  Moment next() const {
    Moment next = std::min({fate_.swallow_at, client_.valid() ? fate_.cut_client_at : kNever,
                            server_.valid() ? fate_.cut_server_at : kNever});
    if (swallowing_) next = std::min(fate_.cut_client_at, fate_.cut_server_at);
    if (server_.valid()) next = std::min(next, to_server_.next());
    if (client_.valid()) next = std::min(next, to_client_.next());
    return next;
  }

  bool was_cut() const { return std::min(fate_.cut_client_at, fate_.cut_server_at) <= BootTime(); }

 private:
  // Whether the end that is left is worth keeping.
  bool HasWork(Moment now) const {
    if (client_.valid() && server_.valid()) return true;
    if (client_.valid()) return !to_client_.empty() || HeldOpen(fate_.cut_client_at, now);
    if (server_.valid()) return !to_server_.empty() || HeldOpen(fate_.cut_server_at, now);
    return false;
  }
  // The fate has cut the other end, and this one is to notice later.
  bool HeldOpen(Moment cut_at, Moment now) const {
    return std::min(fate_.cut_client_at, fate_.cut_server_at) <= now && now < cut_at;
  }

  FileDescriptor client_;
  FileDescriptor server_;
  Fate fate_;
  bool swallowing_ = false;
  Lane to_server_;
  Lane to_client_;
};

CuttingProxy::CuttingProxy(const std::string& server, std::uint64_t seed)
    : server_path_(server.substr(std::string("unix:").size())),
      listener_(ListenOn(folder_.path() + "/proxy")),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      random_(seed),
      thread_([this] { Run(); }) {}

CuttingProxy::~CuttingProxy() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void CuttingProxy::BecomeHarmless() {
  {
    MutexLock lock(mutex_);
    harmless_ = true;
  }
  eventfd_write(wake_.get(), 1);
}

CuttingProxy::Figures CuttingProxy::figures() const {
  MutexLock lock(mutex_);
  return figures_;
}

void CuttingProxy::Run() {
  for (;;) {
    std::vector<pollfd> waited = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    Moment next = kNever;
    for (const auto& connection : connections_) {
      connection->AddTo(waited);
      next = std::min(next, connection->next());
    }
    const auto left =
        std::clamp<nanoseconds>(next - BootTime(), milliseconds(1), milliseconds(500));
    poll(waited.data(), waited.size(),
         static_cast<int>(std::chrono::ceil<milliseconds>(left).count()));
    eventfd_t ignored = 0;
    eventfd_read(wake_.get(), &ignored);
    if ((waited[1].revents & POLLIN) != 0) Accept();

    MutexLock lock(mutex_);
    if (stopping_) return;
    for (auto it = connections_.begin(); it != connections_.end();) {
      Connection& connection = **it;
      if (harmless_) connection.BecomeHarmless();
      if (connection.Work(BootTime(), figures_.swallowed_bytes)) {
        ++it;
        continue;
      }
      figures_.cut += connection.was_cut() ? 1 : 0;
      it = connections_.erase(it);
    }
  }
}

void CuttingProxy::Accept() {
  FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.valid()) return;
  FileDescriptor server = TryConnectTo(server_path_);
  if (!server.valid()) return;
  MutexLock lock(mutex_);
  ++figures_.connections;
  connections_.push_back(std::make_unique<Connection>(
      std::move(client), std::move(server), harmless_ ? Fate{} : Fate::Draw(random_, BootTime())));
}

}  // namespace holdfast::chaos
