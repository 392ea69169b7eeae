#include "services/net/accept_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "gtest/gtest.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {
namespace {

// The loop reads the clock when it turns somebody away, and only then.
class SpyingClock final : public Clock {
 public:
  Now Read() const override {
    if (!std::exchange(read_, true)) first_read_.set_value();
    return {.monotonic = Instant(Duration(now_))};
  }
  void Set(Duration now) { now_ = now.count(); }
  void AwaitRead() { first_read_.get_future().wait(); }

 private:
  mutable bool read_ = false;  // The loop's thread's own.
  mutable std::promise<void> first_read_;
  std::atomic<Duration::rep> now_{0};
};

// Collects connections. Thread-safe.
class Connections {
 public:
  void Add(FileDescriptor connection) {
    MutexLock lock(mutex_);
    connections_.push_back(std::move(connection));
    changed_.NotifyAll();
  }
  // Returns the descriptor of the last one.
  int Await(std::size_t count) {
    MutexLock lock(mutex_);
    while (connections_.size() < count) changed_.Wait(mutex_);
    return connections_.back().get();
  }
  std::size_t count() {
    MutexLock lock(mutex_);
    return connections_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<FileDescriptor> connections_ GUARDED_BY(mutex_);
};

class AcceptLoopTest : public testing::Test {
 protected:
  void StartLoop(const std::vector<std::string>& addresses, int first_reserved_fd = 1'000'000) {
    AcceptLoop::Options options{.first_reserved_fd = first_reserved_fd};
    for (const std::string& text : addresses) {
      auto socket = ListeningSocket::Open(*ParseListenAddress(text));
      ASSERT_TRUE(socket.ok()) << socket.status();
      addresses_.push_back(*ParseListenAddress((*socket)->address()));
      options.sockets.push_back(*std::move(socket));
    }
    options.handler = [this](const ListeningSocket& socket, FileDescriptor connection) {
      from_unix_ = socket.is_unix();
      connections_.Add(std::move(connection));
    };
    auto loop = AcceptLoop::Start(std::move(options), clock_);
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
  }

  static FileDescriptor NewClient(int family = AF_UNIX) {
    return FileDescriptor(socket(family, SOCK_STREAM, 0));
  }

  void Connect(const FileDescriptor& client, std::size_t address = 0) {
    const ListenAddress& to = addresses_[address];
    ASSERT_EQ(
        connect(client.get(), reinterpret_cast<const sockaddr*>(&to.socket_address), to.length), 0);
  }

  // From now on no descriptor can be opened; what is open stays so.
  void TakeAllDescriptors() {
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit_), 0);
    rlimit standard_streams_only = limit_;
    standard_streams_only.rlim_cur = 3;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &standard_streams_only), 0);
  }
  void GiveDescriptorsBack() { ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit_), 0); }

  // The number of the descriptor that is opened after `count` others.
  static int NumberAfter(std::size_t count) {
    std::vector<FileDescriptor> opened;
    for (std::size_t i = 0; i < count + 1; ++i) opened.emplace_back(dup(STDERR_FILENO));
    return opened.back().get();
  }

  // Whether the server has closed the connection, once it has said anything.
  static bool IsClosed(const FileDescriptor& client) {
    pollfd polled{.fd = client.get(), .events = POLLIN, .revents = 0};
    poll(&polled, 1, -1);
    char byte = 0;
    return recv(client.get(), &byte, 1, 0) <= 0;
  }

  const ScratchFolder folder_;
  const std::string unix_address_ = "unix:" + (folder_ / "s");
  SpyingClock clock_;
  std::atomic<bool> from_unix_{false};  // Where the last connection came from.
  Connections connections_;
  std::vector<ListenAddress> addresses_;
  std::unique_ptr<AcceptLoop> loop_;
  rlimit limit_{};
};

TEST_F(AcceptLoopTest, AcceptsOnEverySocket) {
  StartLoop({unix_address_, "127.0.0.1:0"});
  std::vector<FileDescriptor> clients;
  for (std::size_t i = 0; i < 200; ++i) {
    clients.push_back(NewClient(i % 2 == 0 ? AF_UNIX : AF_INET));
    Connect(clients.back(), i % 2);
  }
  connections_.Await(200);
}

int OptionOf(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, option, &value, &size), 0);
  return value;
}

TEST_F(AcceptLoopTest, ConnectionsDoNotBlockAndAreNotInherited) {
  StartLoop({unix_address_, "127.0.0.1:0"});
  for (std::size_t address : {0u, 1u}) {
    const FileDescriptor client = NewClient(address == 0 ? AF_UNIX : AF_INET);
    Connect(client, address);
    const int connection = connections_.Await(address + 1);
    EXPECT_NE(fcntl(connection, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(connection, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(from_unix_, address == 0);
  }
}

// The times that docs and tests of vanished machines count on.
TEST_F(AcceptLoopTest, TheKernelNoticesThatTheMachineOfATcpClientHasVanished) {
  StartLoop({"127.0.0.1:0"});
  const FileDescriptor client = NewClient(AF_INET);
  Connect(client);
  const int connection = connections_.Await(1);
  EXPECT_NE(OptionOf(connection, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(OptionOf(connection, IPPROTO_TCP, TCP_KEEPIDLE), 20);
  EXPECT_EQ(OptionOf(connection, IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(OptionOf(connection, IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(OptionOf(connection, IPPROTO_TCP, TCP_USER_TIMEOUT), 50'000);
  EXPECT_NE(OptionOf(connection, IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST_F(AcceptLoopTest, DoesNotStartWithoutDescriptors) {
  TakeAllDescriptors();
  const auto loop = AcceptLoop::Start({}, clock_);
  GiveDescriptorsBack();
  EXPECT_EQ(loop.status().code(), absl::StatusCode::kInternal);
}

TEST_F(AcceptLoopTest, SaysOnceInAWhileThatItTurnsPeopleAway) {
  StartLoop({unix_address_}, 0);
  const auto turned_away = [&] {
    const FileDescriptor client = NewClient();
    Connect(client);
    EXPECT_TRUE(IsClosed(client));
  };
  // A line is written before the next connection is accepted.
  const auto lines_of = [&](int clients) {
    testing::internal::CaptureStderr();
    for (int i = 0; i < clients; ++i) turned_away();
    const std::string log = testing::internal::GetCapturedStderr();
    return std::count(log.begin(), log.end(), '\n');
  };
  EXPECT_EQ(lines_of(3), 1);
  clock_.Set(std::chrono::seconds(10) - Duration(1));
  EXPECT_EQ(lines_of(3), 0);
  clock_.Set(std::chrono::seconds(10));
  EXPECT_EQ(lines_of(3), 1);
}

TEST_F(AcceptLoopTest, EndsWhileNobodyConnects) {
  StartLoop({unix_address_});
  loop_.reset();
  EXPECT_EQ(connections_.count(), 0u);
}

TEST_F(AcceptLoopTest, AcceptsAgainAfterThereWereNoDescriptors) {
  StartLoop({unix_address_});
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(NewClient());

  TakeAllDescriptors();
  for (const FileDescriptor& client : clients) Connect(client);
  clock_.AwaitRead();
  EXPECT_EQ(connections_.count(), 0u);

  GiveDescriptorsBack();
  connections_.Await(5);
}

TEST_F(AcceptLoopTest, EndsWhileThereAreNoDescriptors) {
  StartLoop({unix_address_});
  const FileDescriptor client = NewClient();
  TakeAllDescriptors();
  Connect(client);
  clock_.AwaitRead();
  loop_.reset();
  GiveDescriptorsBack();
}

TEST_F(AcceptLoopTest, LeavesTheLastDescriptorsToOthers) {
  constexpr std::size_t kConnections = 3;
  std::vector<FileDescriptor> clients;
  for (std::size_t i = 0; i < kConnections + 1; ++i) clients.push_back(NewClient());
  // The loop takes two for itself.
  StartLoop({unix_address_}, NumberAfter(2 + kConnections));
  for (std::size_t i = 0; i < kConnections; ++i) {
    Connect(clients[i]);
    connections_.Await(i + 1);
  }
  Connect(clients.back());
  EXPECT_TRUE(IsClosed(clients.back()));
  EXPECT_EQ(connections_.count(), kConnections);
}

}  // namespace
}  // namespace holdfast
