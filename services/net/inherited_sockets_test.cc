#include "services/net/inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

// A socket as a service manager makes it: it blocks.
FileDescriptor Bound(const std::string& text, int type = SOCK_STREAM) {
  const ListenAddress address = *ParseListenAddress(text);
  FileDescriptor fd(socket(address.socket_address.ss_family, type, 0));
  EXPECT_EQ(
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.socket_address), address.length),
      0);
  return fd;
}

FileDescriptor Listening(const std::string& text) {
  FileDescriptor fd = Bound(text);
  EXPECT_EQ(listen(fd.get(), 1), 0);
  return fd;
}

auto Open(const std::vector<std::string>& addresses, FileDescriptor inherited) {
  std::vector<ListenAddress> parsed;
  for (const std::string& text : addresses) parsed.push_back(*ParseListenAddress(text));
  std::vector<FileDescriptor> fds;
  fds.push_back(std::move(inherited));
  return OpenSockets(parsed, std::move(fds));
}

class InheritedSocketsTest : public testing::Test {
 protected:
  const ScratchFolder folder_;
  const std::string path_ = folder_ / "s";
  const std::string unix_ = "unix:" + path_;
};

TEST_F(InheritedSocketsTest, TakeThePlaceOfTheAddressThatTheyAreBoundTo) {
  FileDescriptor fd = Listening(unix_);
  const int number = fd.get();
  {
    const auto sockets = Open({"127.0.0.1:0", unix_}, std::move(fd));
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    ASSERT_EQ(sockets->size(), 2u);
    EXPECT_EQ((*sockets)[0]->fd(), number);
    EXPECT_EQ((*sockets)[0]->address(), unix_);
    EXPECT_TRUE((*sockets)[0]->is_unix());
    EXPECT_FALSE((*sockets)[1]->is_unix());
    // The accept loop must not hang on a client that has gone.
    EXPECT_EQ(accept((*sockets)[0]->fd(), nullptr, nullptr), -1);
    EXPECT_EQ(errno, EAGAIN);
  }
  EXPECT_TRUE(std::filesystem::exists(path_)) << "the file is its maker's";
}

TEST_F(InheritedSocketsTest, HaveThePrincipalOfTheirAddress) {
  const auto sockets = Open({unix_ + ",principal=billing"}, Listening(unix_));
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 1u);
  EXPECT_EQ((*sockets)[0]->principal(), "billing");
}

TEST_F(InheritedSocketsTest, OfTcpAreKnownByTheirPort) {
  FileDescriptor fd = Listening("127.0.0.1:0");
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  ASSERT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  const std::string address = TcpAddressText(name);
  const std::string as_localhost = "localhost" + address.substr(address.find(':'));
  const auto sockets = Open({as_localhost}, std::move(fd));
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 1u);
  EXPECT_EQ((*sockets)[0]->address(), address);
  EXPECT_FALSE((*sockets)[0]->is_unix());
}

TEST_F(InheritedSocketsTest, MustBeListeningSockets) {
  EXPECT_THAT(std::string(Open({}, Bound(unix_)).status().message()), HasSubstr("that listens"));
  EXPECT_FALSE(Open({}, Bound("unix:" + (folder_ / "d"), SOCK_DGRAM)).ok());
  EXPECT_FALSE(Open({}, FileDescriptor(dup(STDERR_FILENO))).ok());
}

TEST_F(InheritedSocketsTest, AreThoseOfTheProcessThatIsMeantAlone) {
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "1", 1);
  const auto sockets = TakeInheritedSockets();
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(sockets->empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr) << "children must not take them for theirs";
}

TEST_F(InheritedSocketsTest, RefusesWhatCannotBe) {
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", "many", 1);
  EXPECT_THAT(std::string(TakeInheritedSockets().status().message()), HasSubstr("LISTEN_FDS=many"));
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", "-1", 1);
  EXPECT_FALSE(TakeInheritedSockets().ok());
}

}  // namespace
}  // namespace holdfast
