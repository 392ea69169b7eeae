#include "clients/cpp/transport/address.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "clients/cpp/transport/testing/unprivileged.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

TEST(AddressTest, UnixSocketsAndPortsAreAddresses) {
  for (const char* address : {"unix:/run/holdfast.sock", "unix:relative.sock", "localhost:7650",
                              "127.0.0.1:1", "locks.example.com:65535", "[::1]:7650"}) {
    EXPECT_TRUE(CheckAddress(address).ok()) << address;
  }
}

TEST(AddressTest, AnythingElseIsNot) {
  for (const char* address :
       {"", "localhost", "7650", ":7650", "localhost:", "localhost:0", "localhost:65536",
        "localhost:http", "localhost:7650 ", "::1:7650", "localhost:-1",
        "localhost:99999999999999999999", "[::1:7650", "::1]:7650", "a/b:7650",
        "unix:", "http://localhost:7650", "dns:///localhost:7650"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckAddress(address))) << address;
  }
}

TEST(AddressTest, ErrorSaysWhichAddressAndWhatIsWrongWithIt) {
  const std::string long_path = "unix:/" + std::string(107, 'a');
  const std::pair<std::string, std::string> wrong[] = {
      {"nowhere", "must be unix:/path or host:port"},
      {"unix:", "the path is missing"},
      {long_path, "a path can have at most 107 bytes"},
      {"::1:7650", "an IPv6 address needs brackets: [::1]:port"},
      {"a/b:7650", "must be unix:/path or host:port"},
      {"a:port", "the port is invalid"},
  };
  for (const auto& [address, why] : wrong) {
    EXPECT_EQ(CheckAddress(address).message(), "address \"" + address + "\": " + why);
  }
}

TEST(AddressTest, PathOfASocketHasALimit) {
  EXPECT_TRUE(CheckAddress("unix:/" + std::string(106, 'a')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckAddress("unix:/" + std::string(107, 'a'))));
}

class MayConnectTest : public testing::Test {
 protected:
  void SetUp() override {
    // In /tmp, because a path has at most 107 bytes.
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    path().copy(name.sun_path, sizeof(name.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    ASSERT_EQ(listen(listener_, 5), 0);
  }

  void TearDown() override {
    close(listener_);
    chmod(directory_.c_str(), 0755);
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }

  std::string path() const { return directory_ + "/s"; }
  std::string address() const { return "unix:" + path(); }

  std::string directory_ = "/tmp/holdfast-address-XXXXXX";
  int listener_ = -1;
};

TEST_F(MayConnectTest, SocketThatIsClosedToThisUserIsDenied) {
  ASSERT_EQ(chmod(path().c_str(), 0), 0);
  const UnprivilegedThread unprivileged;
  const absl::Status status = CheckMayConnect(address());
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_NE(status.message().find(path().c_str()), absl::string_view::npos) << status;
}

TEST_F(MayConnectTest, DirectoryThatIsClosedToThisUserIsDenied) {
  ASSERT_EQ(chmod(path().c_str(), 0777), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0), 0);
  const UnprivilegedThread unprivileged;
  EXPECT_TRUE(absl::IsPermissionDenied(CheckMayConnect(address())));
}

TEST_F(MayConnectTest, OnlyPathsOfSocketsAreLookedAt) {
  ASSERT_EQ(chmod(directory_.c_str(), 0), 0);
  const UnprivilegedThread unprivileged;
  EXPECT_EQ(CheckMayConnect("host:" + path()), absl::OkStatus());
  const std::string longest = address() + std::string(107 - path().size(), 'a');
  EXPECT_TRUE(absl::IsPermissionDenied(CheckMayConnect(longest)));
  EXPECT_EQ(CheckMayConnect(longest + "a"), absl::OkStatus());
}

TEST_F(MayConnectTest, WhatCanHealOrIsInOrderIsNotDenied) {
  ASSERT_EQ(chmod(path().c_str(), 0777), 0);
  const UnprivilegedThread unprivileged;
  EXPECT_EQ(CheckMayConnect(address()), absl::OkStatus());
  EXPECT_EQ(CheckMayConnect(address() + "-not-there"), absl::OkStatus());
  EXPECT_EQ(CheckMayConnect("127.0.0.1:1"), absl::OkStatus());
  EXPECT_EQ(CheckMayConnect("unix:/" + std::string(200, 'a')), absl::OkStatus());
  // Nobody listens.
  close(listener_);
  EXPECT_EQ(CheckMayConnect(address()), absl::OkStatus());
}

}  // namespace
}  // namespace holdfast::core
