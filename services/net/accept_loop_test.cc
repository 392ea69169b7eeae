#include "services/net/accept_loop.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
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
    return {};
  }
  void AwaitRead() { first_read_.get_future().wait(); }

 private:
  mutable bool read_ = false;  // The loop's thread's own.
  mutable std::promise<void> first_read_;
};

// Collects connections. Thread-safe.
class Connections {
 public:
  void Add(FileDescriptor connection) {
    MutexLock lock(mutex_);
    connections_.push_back(std::move(connection));
    changed_.NotifyAll();
  }
  void Await(std::size_t count) {
    MutexLock lock(mutex_);
    while (connections_.size() < count) changed_.Wait(mutex_);
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
    options.handler = [this](const ListeningSocket&, FileDescriptor connection) {
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
