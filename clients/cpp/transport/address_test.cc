#include "clients/cpp/transport/address.h"

#include <string>

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
       {"", "localhost", ":7650", "localhost:", "localhost:0", "localhost:65536", "localhost:http",
        "localhost:7650 ", "::1:7650", "unix:", "http://localhost:7650", "dns:///localhost:7650"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckAddress(address))) << address;
  }
}

TEST(AddressTest, PathOfASocketHasALimit) {
  EXPECT_TRUE(CheckAddress("unix:/" + std::string(106, 'a')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckAddress("unix:/" + std::string(107, 'a'))));
}

}  // namespace
}  // namespace holdfast::core
