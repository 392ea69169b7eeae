#include "services/net/connections.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/file_descriptor.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using std::chrono::seconds;

class SetClock final : public Clock {
 public:
  Now Read() const override { return {.monotonic = now}; }
  Instant now{seconds(1)};
};

// A client, and the server's end of its connection.
struct Pair {
  FileDescriptor server;
  FileDescriptor client;
};

Pair MakePair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

// Whether the other end of `fd` has been shut down.
bool IsCut(const FileDescriptor& fd) {
  char byte = 0;
  return read(fd.get(), &byte, 1) == 0;
}

std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  const std::string& payload = "") {
  std::string frame{static_cast<char>(payload.size() >> 16), static_cast<char>(payload.size() >> 8),
                    static_cast<char>(payload.size()), static_cast<char>(type),
                    static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}
std::string Greeting() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0); }
std::string Calls(std::uint32_t first, std::uint32_t count) {
  std::string bytes;
  for (std::uint32_t i = 0; i < count; ++i) bytes += Frame(1, 0, first + 2 * i, "h");
  return bytes;
}
std::string Resets(std::uint32_t first, std::uint32_t count) {
  std::string bytes;
  for (std::uint32_t i = 0; i < count; ++i) bytes += Frame(3, 0, first + 2 * i, "code");
  return bytes;
}
// A piece of a message of a megabyte.
std::string MessagePiece(std::uint32_t stream, std::size_t bytes) {
  return Frame(0, 0, stream, std::string("\0\0\x10\0\0", 5) + std::string(bytes, 'm'));
}

class ConnectionsTest : public testing::Test {
 protected:
  void Make(const ConnectionLimits& limits, std::size_t listeners = 1) {
    connections_ = Connections::Make(limits, listeners, clock_);
  }

  // Null: it was refused. The pairs stay until the end.
  std::shared_ptr<Connection> Connect(std::size_t listener = 0) {
    pairs_.push_back(MakePair());
    return connections_->Add(pairs_.back().server.get(), listener);
  }

  // As a server does that reads all there is. What it is told: bytes, 0 or -1.
  ssize_t Send(std::size_t i, const std::string& bytes) {
    EXPECT_EQ(write(pairs_[i].client.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    std::vector<char> room(bytes.size());
    iovec part{.iov_base = room.data(), .iov_len = room.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return recvmsg(pairs_[i].server.get(), &message, 0);
  }

  void Answer(std::size_t i, const std::string& bytes) {
    std::string copy = bytes;
    iovec part{.iov_base = copy.data(), .iov_len = copy.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    EXPECT_EQ(sendmsg(pairs_[i].server.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
  }

  std::uint64_t CutFor(CutCause cause) {
    return connections_->figures().cut[static_cast<std::size_t>(cause)];
  }

  SetClock clock_;
  std::shared_ptr<Connections> connections_;
  std::vector<Pair> pairs_;
};

TEST_F(ConnectionsTest, CutsThoseThatAreOpen) {
  Make({});
  const auto a = Connect();
  Connect();
  const Pair not_added = MakePair();
  EXPECT_EQ(connections_->CutAll(), 2);
  EXPECT_TRUE(IsCut(pairs_[0].client));
  EXPECT_TRUE(IsCut(pairs_[1].client));
  EXPECT_FALSE(IsCut(not_added.client));
  EXPECT_TRUE(a->cut());
  EXPECT_EQ(connections_->CutAll(), 0);
}

TEST_F(ConnectionsTest, LeavesAloneWhatHasTakenTheNumberOfAClosedOne) {
  Make({});
  Connect();
  const int number = pairs_[0].server.get();
  pairs_[0].server.Reset();
  EXPECT_EQ(connections_->figures().connections, 0u);
  Pair other = MakePair();
  const FileDescriptor reused(dup2(other.server.get(), number));
  ASSERT_EQ(reused.get(), number);
  EXPECT_EQ(connections_->CutAll(), 0);
  EXPECT_FALSE(IsCut(other.client));
}

// Whatever its client has bound its end to.
TEST_F(ConnectionsTest, EachIsFoundByTheNameThatTheProcessIsToldOfItsPeer) {
  Make({});
  const auto a = Connect();
  const auto b = Connect();
  sockaddr_un name{};
  socklen_t size = sizeof(name);
  ASSERT_EQ(getpeername(pairs_[1].server.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  EXPECT_EQ(connections_->Find(std::string("unix:") + name.sun_path), b);
  EXPECT_EQ(connections_->Find("unix:"), nullptr);
  EXPECT_EQ(connections_->Find("unix:connection-77"), nullptr);
  EXPECT_EQ(connections_->Find("ipv4:127.0.0.1:connection-1"), nullptr);
  pairs_[1].server.Reset();
  EXPECT_EQ(connections_->Find(std::string("unix:") + name.sun_path), nullptr);
  EXPECT_NE(a, b);
}

TEST_F(ConnectionsTest, CutsOneThatDoesNotGreetOrCallInTime) {
  Make({});
  for (int i = 0; i < 3; ++i) Connect();
  Send(1, Greeting());
  Send(2, Greeting() + Calls(1, 1));
  clock_.now += Connections::kGreetLimit - std::chrono::nanoseconds(1);
  EXPECT_TRUE(connections_->Look());
  EXPECT_FALSE(IsCut(pairs_[0].client));
  clock_.now += std::chrono::nanoseconds(1);
  EXPECT_TRUE(connections_->Look());
  EXPECT_TRUE(IsCut(pairs_[0].client));
  EXPECT_FALSE(IsCut(pairs_[1].client));
  clock_.now += Connections::kCallLimit;
  connections_->Look();
  EXPECT_FALSE(connections_->Look()) << "nobody is left to be looked at";
  EXPECT_TRUE(IsCut(pairs_[1].client));
  EXPECT_FALSE(IsCut(pairs_[2].client));
  EXPECT_EQ(CutFor(CutCause::kTooSlowToGreet), 1u);
  EXPECT_EQ(CutFor(CutCause::kTooSlowToCall), 1u);
}

TEST_F(ConnectionsTest, CutsOneThatTakesTooManyCallsBackAndGrpcSeesNoneOfThem) {
  Make({.max_resets_per_second = 2});
  const auto connection = Connect();
  std::uint32_t stream = 1;
  const auto reset = [&](std::uint32_t count) {
    const ssize_t result = Send(0, Calls(stream, count) + Resets(stream, count));
    stream += 2 * count;
    return result;
  };
  Send(0, Greeting());
  EXPECT_GT(reset(4), 0) << "two seconds' worth at once";
  clock_.now += seconds(1);
  EXPECT_GT(reset(2), 0) << "and two a second";
  EXPECT_EQ(reset(1), -1);
  EXPECT_TRUE(connection->cut());
  EXPECT_EQ(CutFor(CutCause::kResets), 1u);
  EXPECT_EQ(connections_->figures().calls, 0);
}

TEST_F(ConnectionsTest, CutsOneThatHasTooManyCallsOpen) {
  Make({.max_calls_per_connection = 3});
  const auto connection = Connect();
  EXPECT_GT(Send(0, Greeting() + Calls(1, 3)), 0);
  EXPECT_EQ(connections_->figures().calls, 3);
  Answer(0, Frame(4, 0, 0) + Frame(1, 1, 3, "trailers"));
  EXPECT_GT(Send(0, Calls(7, 1)), 0);
  EXPECT_EQ(Send(0, Calls(9, 1)), -1);
  EXPECT_EQ(CutFor(CutCause::kCalls), 1u);
  EXPECT_EQ(connections_->figures().calls, 0);
}

// A quarter is left to other peers. The connection that has most of them is cut, whoever
// makes the last one.
TEST_F(ConnectionsTest, BeyondThePeersShareItsLargestIsCut) {
  Make({.max_calls = 10, .max_calls_per_peer = 10});
  Connect();
  Connect();
  Send(0, Greeting() + Calls(1, 6));
  EXPECT_GT(Send(1, Greeting() + Calls(1, 2)), 0);
  EXPECT_EQ(connections_->figures().calls, 8);
  EXPECT_GT(Send(1, Calls(5, 1)), 0);
  EXPECT_TRUE(IsCut(pairs_[0].client));
  EXPECT_FALSE(IsCut(pairs_[1].client));
  EXPECT_EQ(connections_->figures().calls, 3);
}

TEST_F(ConnectionsTest, UnfinishedRequestsOfAllTogetherAreLimited) {
  Make({.max_memory_for_requests = 3'000});
  Connect();
  Connect();
  Send(0, Greeting() + Calls(1, 1) + MessagePiece(1, 2'000));
  Send(1, Greeting() + Calls(1, 1) + MessagePiece(1, 900));
  EXPECT_EQ(connections_->figures().unfinished_bytes, 2'900);
  EXPECT_GT(Send(1, Calls(3, 1) + MessagePiece(3, 200)), 0) << "the other has more";
  EXPECT_TRUE(IsCut(pairs_[0].client));
  EXPECT_EQ(connections_->figures().unfinished_bytes, 1'100);
  EXPECT_EQ(CutFor(CutCause::kMemory), 1u);
}

// What a connection that was cut has cost is there until it is closed.
TEST_F(ConnectionsTest, WhatIsNotClearedAwayCountsAgainstThoseWithMuch) {
  Make({.max_calls = 100, .max_calls_per_peer = 100, .max_calls_per_connection = 80});
  for (int i = 0; i < 3; ++i) Connect();
  EXPECT_GT(Send(0, Greeting() + Calls(1, 70)), 0);
  EXPECT_EQ(Send(0, Calls(141, 11)), -1);
  EXPECT_GT(Send(1, Greeting() + Calls(1, 63)), 0) << "one with few calls may have them";
  EXPECT_EQ(Send(2, Greeting() + Calls(1, 64)), -1) << "one with many may not";
  EXPECT_FALSE(IsCut(pairs_[1].client));
  pairs_[0].server.Reset();
  pairs_[2].server.Reset();
  EXPECT_GT(Send(1, Calls(127, 10)), 0);
}

TEST_F(ConnectionsTest, WhenThereIsNoRoomIdleOnesMakeIt) {
  Make({.max_connections = 2, .max_connections_per_peer = 2});
  ASSERT_NE(Connect(), nullptr) << "the peer's share is two";
  ASSERT_NE(Connect(), nullptr);
  Send(0, Greeting() + Calls(1, 1));
  EXPECT_EQ(Connect(), nullptr) << "neither is idle: one has a call, the other has just come";
  clock_.now += Connections::kIdleLimit;
  EXPECT_NE(Connect(), nullptr);
  EXPECT_FALSE(IsCut(pairs_[0].client));
  EXPECT_TRUE(IsCut(pairs_[1].client));
  EXPECT_EQ(CutFor(CutCause::kIdle), 1u);
  EXPECT_EQ(CutFor(CutCause::kNoRoom), 1u);
}

TEST_F(ConnectionsTest, EachListenerHasPlacesOfItsOwn) {
  Make({.max_connections = 16, .max_connections_per_peer = 16}, /*listeners=*/2);
  int first = 0;
  while (Connect(0) != nullptr) ++first;
  EXPECT_EQ(first, 12) << "the share of the one peer, with four left to the other listener";
  pairs_.clear();
  EXPECT_EQ(connections_->figures().connections, 0u);
}

TEST_F(ConnectionsTest, IsBusyUntilAllHasBeenAnsweredAndRead) {
  Make({});
  Connect();
  EXPECT_FALSE(connections_->Busy());
  Send(0, Greeting() + Calls(1, 1));
  EXPECT_TRUE(connections_->Busy());
  Answer(0, Frame(1, 1, 1, "trailers"));
  EXPECT_TRUE(connections_->Busy()) << "it has not been read";
  std::array<char, 100> room{};
  EXPECT_GT(read(pairs_[0].client.get(), room.data(), room.size()), 0);
  EXPECT_FALSE(connections_->Busy());
}

}  // namespace
}  // namespace holdfast
