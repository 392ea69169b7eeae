#include "services/net/listen_address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  return std::string(ParseListenAddress(text).status().message());
}

std::string Tcp(const std::string& text) {
  const auto address = ParseListenAddress(text);
  EXPECT_TRUE(address.ok()) << address.status().message();
  EXPECT_FALSE(address->is_unix());
  return TcpAddressText(address->socket_address);
}

TEST(ParseListenAddressTest, TakesIpv4Ipv6AndLocalhost) {
  EXPECT_EQ(Tcp("127.0.0.1:7650"), "127.0.0.1:7650");
  EXPECT_EQ(Tcp("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(Tcp("localhost:1"), "127.0.0.1:1");
  EXPECT_EQ(Tcp("[::1]:65535"), "[::1]:65535");
  EXPECT_EQ(Tcp("[0:0::1]:80"), "[::1]:80");
}

TEST(ParseListenAddressTest, TakesUnixPaths) {
  const auto address = ParseListenAddress("unix:/run/h.sock");
  ASSERT_TRUE(address.ok());
  EXPECT_TRUE(address->is_unix());
  EXPECT_EQ(address->unix_path, "/run/h.sock");
  EXPECT_EQ(address->text, "unix:/run/h.sock");
  sockaddr_un raw{};
  ASSERT_EQ(address->length, sizeof(raw));
  std::memcpy(&raw, &address->socket_address, sizeof(raw));
  EXPECT_STREQ(raw.sun_path, "/run/h.sock");
}

TEST(ParseListenAddressTest, TakesUnixPathsOfAtMost107Bytes) {
  EXPECT_TRUE(ParseListenAddress("unix:" + std::string(107, 'p')).ok());
  EXPECT_THAT(ErrorOf("unix:" + std::string(108, 'p')), HasSubstr("at most 107 bytes"));
  EXPECT_THAT(ErrorOf("unix:"), HasSubstr("missing"));
  EXPECT_THAT(ErrorOf(std::string("unix:\0abstract", 14)), HasSubstr("zero"));
}

TEST(ParseListenAddressTest, RefusesBadPorts) {
  for (const char* port : {"", "65536", "-1", "+1", "http", "80x", " 80", "0x50"}) {
    EXPECT_THAT(ErrorOf(std::string("127.0.0.1:") + port), HasSubstr("port")) << port;
  }
}

TEST(ParseListenAddressTest, RefusesNamesAndHalfAddresses) {
  EXPECT_THAT(ErrorOf("7650"), HasSubstr("neither"));
  for (const char* host : {"", "example.org", "127.0.0", "256.0.0.1", "::1", "[::1", "[]",
                           "[127.0.0.1]", "[fe80::1%lo]", "*"}) {
    EXPECT_THAT(ErrorOf(std::string(host) + ":80"), HasSubstr("host")) << host;
  }
}

TEST(ParseListenAddressTest, NamesTheAddressInItsErrors) {
  EXPECT_THAT(ErrorOf("example.org:80"), HasSubstr("example.org:80"));
}

}  // namespace
}  // namespace holdfast
