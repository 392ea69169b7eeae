// Whom the server takes the callers for.

#include "services/lock/rpc/principals.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/file_descriptor.h"
#include "grpcpp/create_channel_posix.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/testing/test_server.h"
#include "services/net/listen_address.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

constexpr uid_t kSomebody = 54'321;

std::string OwnUser() { return "uid:" + std::to_string(geteuid()); }

// As whom the server shows a holder.
std::string HolderOf(StubClient& client, const std::string& key) {
  const Answer<v1::Lock> lock = client.Get(key);
  EXPECT_EQ(lock.response.holders_size(), 1) << key;
  return lock.response.holders_size() == 1 ? lock.response.holders(0).principal() : "";
}

std::string SeenAs(StubClient& client, const std::string& key) {
  const auto lease = client.Acquire({.key = key, .lease_id = "lease-of-the-lock-" + key});
  EXPECT_TRUE(lease.ok()) << lease.status;
  return HolderOf(client, key);
}

// A channel over a connection that another user has made.
std::shared_ptr<grpc::Channel> ChannelOf(uid_t uid, const std::string& address) {
  const auto to = ParseListenAddress(address);
  FileDescriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::thread([&] {
    // The system call itself changes this thread alone; the library's function, all of them.
    ASSERT_EQ(syscall(SYS_setresuid, -1, uid, -1), 0);
    ASSERT_EQ(
        connect(client.get(), reinterpret_cast<const sockaddr*>(&to->socket_address), to->length),
        0);
  }).join();
  fcntl(client.get(), F_SETFL, O_NONBLOCK);
  return grpc::CreateInsecureChannelFromFd("server", client.Release());
}

TEST(PrincipalsTest, OnAUnixSocketTheServersUserIsItself) {
  const TestServer server;
  StubClient client(server.NewChannel());
  EXPECT_EQ(SeenAs(client, "k"), OwnUser());
}

TEST(PrincipalsTest, OverTcpEverybodyIsAnonymous) {
  const TestServer server;
  StubClient client(TestServer::NewChannel(server.tcp_address()));
  EXPECT_EQ(SeenAs(client, "k"), "anonymous");
}

TEST(PrincipalsTest, WhoWaitsAndWhoIsInTheWayIsTold) {
  const TestServer server;
  StubClient client(TestServer::NewChannel(server.tcp_address()));
  StubClient local(server.NewChannel());
  EXPECT_EQ(SeenAs(local, "k"), OwnUser());
  const CallStatus held = client.Acquire({.key = "k", .lease_id = "another-lease-of-k"}).status;
  EXPECT_EQ(held.reason, "LOCK_HELD");
  EXPECT_EQ(held.Get("principal"), OwnUser());
}

TEST(PrincipalsTest, WhatACallerSaysOfItselfChangesNothing) {
  const TestServer server;
  StubClient client(TestServer::NewChannel(server.tcp_address()));
  grpc::ClientContext context;
  Prepare(context);
  context.AddMetadata("holdfast_principal", "0");
  context.AddMetadata("holdfast-principal", "0");
  v1::AcquireRequest request;
  request.set_key("k");
  request.set_lease_id("a-lease-of-mine-so-to-say");
  request.set_owner(OwnUser());
  v1::AcquireResponse response;
  ASSERT_TRUE(client.stub().Acquire(&context, request, &response).ok());
  EXPECT_EQ(HolderOf(client, "k"), "anonymous");
}

TEST(PrincipalsTest, EverybodyOnAListenerWithANameHasThatName) {
  const TestServer server({.unix_options = ",principal=billing"});
  StubClient client(server.NewChannel());
  EXPECT_EQ(SeenAs(client, "a"), "billing");
  StubClient tcp(TestServer::NewChannel(server.tcp_address()));
  EXPECT_EQ(SeenAs(tcp, "b"), "anonymous");
}

TEST(PrincipalsTest, AllCallsOfAConnectionAreOfOne) {
  const TestServer server({.unix_options = ",principal=billing"});
  StubClient client(server.NewChannel());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(SeenAs(client, std::to_string(i)), "billing");
}

TEST(PrincipalsTest, OfFirstCallsThatComeTogetherEachHasIt) {
  constexpr int kCalls = 16;
  const TestServer server({.unix_options = ",principal=billing"});
  for (int round = 0; round < 20; ++round) {
    StubClient client(server.NewChannel());
    std::vector<std::thread> calls;
    for (int i = 0; i < kCalls; ++i) {
      calls.emplace_back([&client, key = std::to_string(round * kCalls + i)] {
        EXPECT_TRUE(client.Acquire({.key = key, .lease_id = "lease-of-the-lock-" + key}).ok());
      });
    }
    for (std::thread& call : calls) call.join();
    for (int i = 0; i < kCalls; ++i) {
      EXPECT_EQ(HolderOf(client, std::to_string(round * kCalls + i)), "billing");
    }
  }
}

TEST(PrincipalsTest, ASessionHasTheOneOfItsConnection) {
  const TestServer server({.unix_options = ",principal=billing"});
  SessionStream session(server.NewChannel(), "session-0123456789");
  session.Attach();
  session.Await(session.Acquire({.key = "k", .lease_id = "a-lease-in-a-session"}));
  StubClient client(server.NewChannel());
  EXPECT_EQ(HolderOf(client, "k"), "billing");
}

// What follows needs the right to become somebody else.
class PrincipalsOfUsersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::filesystem::path path = ParseListenAddress(server_.address())->unix_path;
    ASSERT_EQ(chmod(path.parent_path().c_str(), 0755), 0);
  }

  const TestServer server_{{.unix_options = ",mode=0666"}};
};

TEST_F(PrincipalsOfUsersTest, UsersOnOneSocketAreToldApart) {
  StubClient one(ChannelOf(kSomebody, server_.address()));
  StubClient other(ChannelOf(kSomebody + 1, server_.address()));
  StubClient own(server_.NewChannel());
  StubClient again(ChannelOf(kSomebody, server_.address()));
  EXPECT_EQ(SeenAs(one, "a"), "uid:54321");
  EXPECT_EQ(SeenAs(other, "b"), "uid:54322");
  EXPECT_EQ(SeenAs(own, "c"), OwnUser());
  EXPECT_EQ(SeenAs(again, "d"), "uid:54321");
  StubClient tcp(TestServer::NewChannel(server_.tcp_address()));
  EXPECT_EQ(SeenAs(tcp, "e"), "anonymous");
}

TEST_F(PrincipalsOfUsersTest, OfTooManyUsersTheLastAreAnonymousAndTheFirstAreNot) {
  for (uid_t i = 0; i < Principals::kUsers; ++i) {
    StubClient client(ChannelOf(kSomebody + i, server_.address()));
    EXPECT_EQ(SeenAs(client, std::to_string(i)), "uid:" + std::to_string(kSomebody + i));
  }
  StubClient last(ChannelOf(kSomebody + Principals::kUsers, server_.address()));
  EXPECT_EQ(SeenAs(last, "last"), "anonymous");
  StubClient first(ChannelOf(kSomebody, server_.address()));
  EXPECT_EQ(SeenAs(first, "first"), "uid:54321");
  StubClient own(server_.NewChannel());
  EXPECT_EQ(SeenAs(own, "own"), OwnUser());
}

}  // namespace
}  // namespace holdfast
