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
  EXPECT_THAT(ErrorOf(std::string("unix:\0abstract", 14)), HasSubstr("NUL"));
}

TEST(ParseListenAddressTest, TakesWhoMayConnectToAUnixSocket) {
  const auto plain = ParseListenAddress("unix:/h");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->unix_mode, 0600u);
  EXPECT_EQ(plain->unix_group, "");

  const auto both = ParseListenAddress("unix:/h,mode=0666,group=staff");
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->unix_mode, 0666u);
  EXPECT_EQ(both->unix_group, "staff");
  EXPECT_EQ(both->text, "unix:/h") << "as clients write it";
  EXPECT_EQ(both->unix_path, "/h");

  EXPECT_EQ(ParseListenAddress("unix:/h,group=7")->unix_mode, 0660u);
  EXPECT_EQ(ParseListenAddress("unix:/h,group=staff,mode=0620")->unix_mode, 0620u);
  EXPECT_EQ(ParseListenAddress("unix:/h,mode=777")->unix_mode, 0777u);
}

TEST(ParseListenAddressTest, TakesWhoEverybodyOnAUnixSocketIs) {
  EXPECT_EQ(ParseListenAddress("unix:/h")->principal, "");
  const auto address = ParseListenAddress("unix:/h,principal=billing,group=7");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->principal, "billing");
  EXPECT_EQ(address->unix_group, "7");
  EXPECT_EQ(address->unix_mode, 0660u);
  EXPECT_THAT(ErrorOf("unix:/h,principal="), HasSubstr("1 to 256 characters"));
  EXPECT_THAT(ErrorOf("unix:/h,principal=a b"), HasSubstr("no space"));
  EXPECT_THAT(ErrorOf("unix:/h,principal=a,principal=b"), HasSubstr("once"));
  EXPECT_THAT(ErrorOf("127.0.0.1:80,principal=a"), HasSubstr("only a Unix socket takes"));
}

TEST(ParseListenAddressTest, KnowsWhatOtherHostsCannotReach) {
  for (const char* text : {"unix:/h", "127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(ParseListenAddress(text)->is_local()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "192.0.2.1:1", "128.0.0.1:1", "[::]:1", "[2001:db8::1]:1"}) {
    EXPECT_FALSE(ParseListenAddress(text)->is_local()) << text;
  }
}

TEST(ParseListenAddressTest, RefusesOptionsThatItDoesNotKnow) {
  for (const char* mode : {"", "1000", "0o660", "-1", "668", "rw", "0660 "}) {
    EXPECT_THAT(ErrorOf(std::string("unix:/h,mode=") + mode), HasSubstr("octal")) << mode;
  }
  EXPECT_THAT(ErrorOf("unix:/h,group="), HasSubstr("the group is missing"));
  for (const char* option : {"", "owner=me", "mode", "Mode=0660", " mode=0660", "b.sock"}) {
    EXPECT_THAT(ErrorOf(std::string("unix:/h,") + option),
                HasSubstr(std::string("not \"") + option + "\""));
  }
  EXPECT_THAT(ErrorOf("unix:/h,mode=0600,mode=0600"), HasSubstr("once"));
  EXPECT_THAT(ErrorOf("unix:/h,group=a,group=b"), HasSubstr("once"));
  EXPECT_THAT(ErrorOf("unix:/h,mode=0600,"), HasSubstr("not \"\""));
  EXPECT_THAT(ErrorOf("unix:,mode=0600"), HasSubstr("missing"));
  EXPECT_THAT(ErrorOf("127.0.0.1:80,mode=0600"), HasSubstr("only a Unix socket takes"));
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
