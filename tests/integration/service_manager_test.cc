// A server that a service manager has started: what the manager is told, and sockets that
// it passes. The test is the manager.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include "common/file_descriptor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/channel.h"
#include "tests/support/eventually.h"
#include "tests/support/health.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kShutdownLimit(10);
constexpr ExitStatus kCleanExit{.code = ToInt(ExitCode::kOk)};

// A socket of the manager's, bound to a path, or to an abstract name that begins with @.
FileDescriptor ManagerSocket(std::string path, int type) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path[0] == '@') path[0] = '\0';
  std::memcpy(name.sun_path, path.data(), path.size());
  FileDescriptor fd(socket(AF_UNIX, type, 0));
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&name),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size())),
            0);
  return fd;
}

// The next message to the manager; "(silence)" if none comes.
std::string Hear(const FileDescriptor& manager) {
  pollfd polled{.fd = manager.get(), .events = POLLIN, .revents = 0};
  const auto limit = std::chrono::milliseconds(kWaitLimit).count();
  if (poll(&polled, 1, static_cast<int>(limit)) != 1) return "(silence)";
  std::array<char, 512> message{};
  const ssize_t size = recv(manager.get(), message.data(), message.size(), 0);
  return std::string(message.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
}

// Runs a server whose descriptors from 3 on are copies of `fd` and perhaps `second`.
ServerOptions Passing(const FileDescriptor& fd, const std::string& count = "1") {
  // Past exec there is no other way to say which process is meant.
  const std::string script = "exec 3<&" + std::to_string(fd.get()) + " " +
                             std::to_string(fd.get()) + "<&-; LISTEN_PID=$$ exec \"$@\"";
  return {.environment = {"LISTEN_FDS=" + count},
          .launcher = {"/bin/bash", "-c", script, "manager"}};
}

// One number that no redirection of a shell will collide with.
FileDescriptor Elsewhere(const FileDescriptor& fd) {
  return FileDescriptor(fcntl(fd.get(), F_DUPFD, 100));
}

class ServiceManagerTest : public testing::Test {
 protected:
  const TempDir folder_;
};

TEST_F(ServiceManagerTest, IsToldOnceTheServerServesAndBeforeItStops) {
  for (const std::string& path :
       {folder_.path() + "/notify", "@holdfast-test-" + std::to_string(getpid())}) {
    const FileDescriptor manager = ManagerSocket(path, SOCK_DGRAM);
    ServerProcess server({.environment = {"NOTIFY_SOCKET=" + path}});
    ASSERT_EQ(server.Launch(), absl::OkStatus());
    EXPECT_EQ(Hear(manager), "STATUS=loading records");
    EXPECT_EQ(Hear(manager), "READY=1\nSTATUS=serving");
    EXPECT_EQ(AskHealth(OwnChannel(server.address()), "", kWaitLimit), Health::kServing);
    EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
    EXPECT_EQ(Hear(manager), "STOPPING=1");
  }
}

TEST_F(ServiceManagerTest, OneThatHasGoneDoesNoHarm) {
  for (const std::string path : {"/nowhere/notify", "vsock:2:1"}) {
    ServerProcess server({.environment = {"NOTIFY_SOCKET=" + path}});
    ASSERT_EQ(server.Start(), absl::OkStatus());
    EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
    EXPECT_THAT(server.Log(), HasSubstr("cannot tell the service manager"));
  }
}

TEST_F(ServiceManagerTest, PassesASocketThatOutlivesTheServer) {
  const std::string path = folder_.path() + "/s";
  const FileDescriptor fd = Elsewhere(ManagerSocket(path, SOCK_STREAM));
  ASSERT_EQ(listen(fd.get(), SOMAXCONN), 0);
  StubClient client("unix:" + path);
  for (const char* key : {"first", "second"}) {
    ServerOptions options = Passing(fd);
    // It names the same socket, besides the one that every test's server has.
    options.flags = {"--listen=unix:" + path + ",mode=0666"};
    ServerProcess server(options);
    ASSERT_EQ(server.Start(), absl::OkStatus());
    EXPECT_TRUE(client.Acquire({.key = key, .lease_id = Id(key)}).ok());
    EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
    EXPECT_TRUE(std::filesystem::is_socket(path)) << "it is the manager's";
    struct stat file {};
    ASSERT_EQ(stat(path.c_str(), &file), 0);
    EXPECT_NE(file.st_mode & 0777u, 0666u) << "and so are its rights";
  }
}

TEST_F(ServiceManagerTest, WhatIsNoListeningSocketIsRefused) {
  const FileDescriptor fd = Elsewhere(ManagerSocket(folder_.path() + "/d", SOCK_DGRAM));
  for (const char* count : {"1", "2", "x"}) {
    ServerProcess server(Passing(fd, count));
    ASSERT_EQ(server.Launch(), absl::OkStatus());
    const auto status = server.WaitForExit(kWaitLimit);
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(status->code, ToInt(ExitCode::kAddressUnavailable)) << server.Log();
    EXPECT_THAT(server.Log(), HasSubstr("cannot serve"));
  }
}

}  // namespace
}  // namespace holdfast
