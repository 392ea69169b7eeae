#include "services/net/listening_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "common/file_descriptor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/net/testing/scratch_folder.h"

namespace holdfast {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

using Opened = absl::StatusOr<std::unique_ptr<ListeningSocket>>;

Opened Open(const std::string& text) { return ListeningSocket::Open(*ParseListenAddress(text)); }

std::string ErrorOf(const Opened& opened) { return std::string(opened.status().message()); }

// Whether somebody answers on the address.
bool Answers(const std::string& text) {
  const ListenAddress address = *ParseListenAddress(text);
  const FileDescriptor client(socket(address.socket_address.ss_family, SOCK_STREAM, 0));
  return connect(client.get(), reinterpret_cast<const sockaddr*>(&address.socket_address),
                 address.length) == 0;
}

class UnixSocketTest : public testing::Test {
 protected:
  const ScratchFolder folder_;
  const std::string path_ = folder_ / "h.sock";
  const std::string address_ = "unix:" + path_;
};

TEST_F(UnixSocketTest, ListensUntilItGoesAndThenRemovesItsFile) {
  {
    const Opened opened = Open(address_);
    ASSERT_TRUE(opened.ok()) << ErrorOf(opened);
    EXPECT_EQ((*opened)->address(), address_);
    EXPECT_TRUE(Answers(address_));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, ReplacesTheFileOfAServerThatCrashed) {
  {
    // Closed without removing the file, as the kernel does it for the dead.
    const ListenAddress address = *ParseListenAddress(address_);
    const FileDescriptor crashed(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(crashed.get(), reinterpret_cast<const sockaddr*>(&address.socket_address),
                   address.length),
              0);
    ASSERT_EQ(listen(crashed.get(), 1), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  ASSERT_FALSE(Answers(address_));
  const Opened opened = Open(address_);
  ASSERT_TRUE(opened.ok()) << ErrorOf(opened);
  EXPECT_TRUE(Answers(address_));
}

TEST_F(UnixSocketTest, LeavesAServerThatListensAlone) {
  const Opened first = Open(address_);
  ASSERT_TRUE(first.ok());
  const Opened second = Open(address_);
  EXPECT_THAT(ErrorOf(second), AllOf(HasSubstr(address_), HasSubstr("another server")));
  EXPECT_TRUE(Answers(address_));
}

TEST_F(UnixSocketTest, SaysWhatItCannotListenOnAndWhy) {
  const Opened first = Open(address_);
  EXPECT_EQ(ErrorOf(Open(address_)),
            "cannot listen on " + address_ + ": another server is listening there");
}

// Nobody can be asked whether there is a server behind it.
TEST_F(UnixSocketTest, LeavesSocketsOfAnotherKindAlone) {
  const ListenAddress address = *ParseListenAddress(address_);
  {
    const FileDescriptor other(socket(AF_UNIX, SOCK_DGRAM, 0));
    ASSERT_EQ(bind(other.get(), reinterpret_cast<const sockaddr*>(&address.socket_address),
                   address.length),
              0);
    EXPECT_THAT(ErrorOf(Open(address_)), HasSubstr("wrong type"));
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, LeavesAServerAloneThatIsTooBusyToAnswer) {
  const ListenAddress address = *ParseListenAddress(address_);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.socket_address);
  const FileDescriptor busy(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(busy.get(), raw, address.length), 0);
  ASSERT_EQ(listen(busy.get(), 0), 0);
  const FileDescriptor waiting(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(connect(waiting.get(), raw, address.length), 0);
  EXPECT_THAT(ErrorOf(Open(address_)), HasSubstr("another server"));
}

TEST_F(UnixSocketTest, LeavesFilesAloneThatAreNoSockets) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(ErrorOf(Open(address_)), AllOf(HasSubstr(address_), HasSubstr("not a socket")));
  std::string content;
  std::ifstream(path_) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(UnixSocketTest, LeavesLinksAlone) {
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_THAT(ErrorOf(Open(address_)), HasSubstr("not a socket"));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(UnixSocketTest, LeavesTheFileOfItsSuccessor) {
  Opened first = Open(address_);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const Opened second = Open(address_);
  ASSERT_TRUE(second.ok()) << ErrorOf(second);
  first->reset();
  EXPECT_TRUE(Answers(address_));
}

TEST_F(UnixSocketTest, SaysThatTheFolderIsMissing) {
  EXPECT_THAT(ErrorOf(Open("unix:" + (folder_ / "missing/h.sock"))), HasSubstr("No such file"));
}

TEST(TcpSocketTest, TellsThePortThatItWasGiven) {
  const Opened opened = Open("127.0.0.1:0");
  ASSERT_TRUE(opened.ok()) << ErrorOf(opened);
  EXPECT_THAT((*opened)->address(), StartsWith("127.0.0.1:"));
  EXPECT_NE((*opened)->address(), "127.0.0.1:0");
  EXPECT_TRUE(Answers((*opened)->address()));
}

TEST(TcpSocketTest, DoesNotShareAPort) {
  const Opened first = Open("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  const std::string address = (*first)->address();
  EXPECT_THAT(ErrorOf(Open(address)), AllOf(HasSubstr(address), HasSubstr("in use")));
}

TEST(TcpSocketTest, TakesAPortAgainAtOnceAfterARestart) {
  std::string address;
  FileDescriptor client;
  {
    const Opened first = Open("127.0.0.1:0");
    ASSERT_TRUE(first.ok());
    address = (*first)->address();
    const ListenAddress to = *ParseListenAddress(address);
    client = FileDescriptor(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(
        connect(client.get(), reinterpret_cast<const sockaddr*>(&to.socket_address), to.length), 0);
    // The server's end closes first, and so is the one that lingers.
    const FileDescriptor connection(accept((*first)->fd(), nullptr, nullptr));
    ASSERT_TRUE(connection.valid());
  }
  const Opened second = Open(address);
  EXPECT_TRUE(second.ok()) << ErrorOf(second);
}

}  // namespace
}  // namespace holdfast
