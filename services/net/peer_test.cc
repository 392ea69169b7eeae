#include "services/net/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/file_descriptor.h"
#include "gtest/gtest.h"
#include "services/net/listen_address.h"
#include "services/net/listening_socket.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {
namespace {

constexpr uid_t kNobody = 65'534;

std::unique_ptr<ListeningSocket> Listen(const std::string& address) {
  auto socket = ListeningSocket::Open(*ParseListenAddress(address));
  EXPECT_TRUE(socket.ok()) << socket.status();
  return socket.ok() ? *std::move(socket) : nullptr;
}

FileDescriptor Connect(const ListeningSocket& listener) {
  const auto to = ParseListenAddress(listener.address());
  FileDescriptor client(socket(to->socket_address.ss_family, SOCK_STREAM, 0));
  EXPECT_EQ(
      connect(client.get(), reinterpret_cast<const sockaddr*>(&to->socket_address), to->length), 0);
  return client;
}

FileDescriptor Accept(const ListeningSocket& listener) {
  pollfd polled{.fd = listener.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, -1), 1);
  return FileDescriptor(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
}

TEST(PeerTest, OnAUnixSocketItIsTheUserWhoConnected) {
  const ScratchFolder folder;
  const auto listener = Listen("unix:" + (folder / "a.sock"));
  FileDescriptor client = Connect(*listener);
  const FileDescriptor server = Accept(*listener);
  const Peer expected{.kind = Peer::Kind::kUser, .uid = geteuid()};
  EXPECT_EQ(PeerOf(server.get()), expected);
  EXPECT_EQ(PeerOf(server.get()).Text(), "uid:" + std::to_string(geteuid()));
  client.Reset();
  EXPECT_EQ(PeerOf(server.get()), expected) << "who has gone is still who he was";
}

TEST(PeerTest, ItIsWhoConnectedWhoeverThatBecomesLater) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const ScratchFolder folder;
  ASSERT_EQ(chmod((folder / ".").c_str(), 0755), 0);
  const auto listener = Listen("unix:" + (folder / "a.sock") + ",mode=0666");
  const ListenAddress to = *ParseListenAddress(listener->address());
  const pid_t child = fork();
  if (child == 0) {
    const FileDescriptor client(socket(AF_UNIX, SOCK_STREAM, 0));
    const auto* const address = reinterpret_cast<const sockaddr*>(&to.socket_address);
    const bool connected =
        seteuid(kNobody) == 0 && connect(client.get(), address, to.length) == 0 && seteuid(0) == 0;
    _exit(connected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(PeerOf(Accept(*listener).get()).Text(), "uid:65534");
}

TEST(PeerTest, OnTcpItIsTheAddressWithoutThePort) {
  const auto listener = Listen("127.0.0.1:0");
  const FileDescriptor first = Connect(*listener);
  const FileDescriptor second = Connect(*listener);
  const Peer one = PeerOf(Accept(*listener).get());
  EXPECT_EQ(one.kind, Peer::Kind::kAddress);
  EXPECT_EQ(one.Text(), "127.0.0.1");
  EXPECT_EQ(one, PeerOf(Accept(*listener).get())) << "a peer has many connections";
}

TEST(PeerTest, AnIpv6AddressIsOneAndAMappedOneIsItsIpv4Address) {
  const FileDescriptor listener(socket(AF_INET6, SOCK_STREAM, 0));
  const int off = 0;
  ASSERT_EQ(setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  auto* const address = reinterpret_cast<sockaddr*>(&any);
  if (bind(listener.get(), address, sizeof(any)) != 0) GTEST_SKIP() << "no IPv6 here";
  ASSERT_EQ(listen(listener.get(), 2), 0);
  socklen_t length = sizeof(any);
  ASSERT_EQ(getsockname(listener.get(), address, &length), 0);

  const FileDescriptor v6(socket(AF_INET6, SOCK_STREAM, 0));
  any.sin6_addr = in6addr_loopback;
  ASSERT_EQ(connect(v6.get(), address, sizeof(any)), 0);
  EXPECT_EQ(PeerOf(FileDescriptor(accept(listener.get(), nullptr, nullptr)).get()).Text(), "::1");

  const FileDescriptor v4(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_port = any.sin6_port;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(v4.get(), reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)), 0);
  const FileDescriptor accepted(accept(listener.get(), nullptr, nullptr));
  EXPECT_EQ(PeerOf(accepted.get()).Text(), "127.0.0.1");
  // So that a cap on an address counts both ways to connect from it.
  EXPECT_EQ(PeerOf(v4.get()), PeerOf(accepted.get()));
}

TEST(PeerTest, AConnectionThatHasBeenResetIsUnknown) {
  const auto listener = Listen("127.0.0.1:0");
  FileDescriptor client = Connect(*listener);
  const FileDescriptor server = Accept(*listener);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
  client.Reset();
  EXPECT_EQ(PeerOf(server.get()), Peer());
  EXPECT_EQ(PeerOf(server.get()).Text(), "unknown");
}

TEST(PeerTest, WhatIsNoConnectionIsUnknown) {
  const FileDescriptor unconnected(socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_EQ(PeerOf(unconnected.get()), Peer());
  EXPECT_EQ(PeerOf(-1), Peer());
}

TEST(PeerTest, AUserAnAddressAndSomebodyUnknownAreThree) {
  const std::set<Peer> peers{Peer{},
                             {.kind = Peer::Kind::kUser, .uid = 0},
                             {.kind = Peer::Kind::kUser, .uid = 1},
                             {.kind = Peer::Kind::kAddress},
                             {.kind = Peer::Kind::kUser, .uid = 1}};
  EXPECT_EQ(peers.size(), 4u);
}

}  // namespace
}  // namespace holdfast
