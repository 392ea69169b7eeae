#include "services/net/http2_traffic.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

constexpr Instant kStart(std::chrono::seconds(100));
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum : std::uint8_t { kData = 0, kHeaders = 1, kRst = 3, kSettings = 4 };
constexpr std::uint8_t kEnd = 1;

std::string BigEndian(std::size_t number, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(number >> shift));
  }
  return text;
}

std::string Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  const std::string& payload = "") {
  return BigEndian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         BigEndian(stream, 4) + payload;
}

std::string Message(std::size_t declared, std::size_t sent) {
  return std::string(1, '\0') + BigEndian(declared, 4) + std::string(sent, 'm');
}

std::string Greeting() { return std::string(kPreface) + Frame(kSettings, 0, 0); }
std::string Begin(std::uint32_t stream) { return Frame(kHeaders, 0, stream, "headers"); }
std::string Reset(std::uint32_t stream) { return Frame(kRst, 0, stream, "code"); }

class Http2TrafficTest : public testing::Test {
 protected:
  void Receive(const std::string& bytes, Instant now = kStart) { traffic_.Received(bytes, now); }

  Http2Traffic traffic_;
};

TEST_F(Http2TrafficTest, GreetedMeansPrefaceAndSettings) {
  Receive(std::string(kPreface));
  EXPECT_FALSE(traffic_.greeted());
  Receive(Frame(kSettings, kEnd, 0));  // An acknowledgement.
  EXPECT_FALSE(traffic_.greeted());
  Receive(Frame(kSettings, 0, 0));
  EXPECT_TRUE(traffic_.greeted());
}

TEST_F(Http2TrafficTest, WhatIsNoHttp2CountsForNothing) {
  Receive("GET / HTTP/1.1\r\n\r\n and more, longer than a preface" + Greeting() + Begin(1));
  EXPECT_FALSE(traffic_.greeted());
  EXPECT_EQ(traffic_.calls(), 0u);
}

TEST_F(Http2TrafficTest, ACallIsOpenUntilItsAnswerEnds) {
  Receive(Greeting() + Begin(1) + Frame(kData, kEnd, 1, Message(3, 3)) + Begin(3));
  EXPECT_EQ(traffic_.open_calls(), 2u);
  traffic_.Sent(Frame(kSettings, 0, 0) + Frame(kHeaders, 0, 1, "h") + Frame(kData, 0, 1, "answer"));
  EXPECT_EQ(traffic_.open_calls(), 2u);
  traffic_.Sent(Frame(kHeaders, kEnd, 1, "trailers"));
  EXPECT_EQ(traffic_.open_calls(), 1u);
  traffic_.Sent(Frame(kRst, 0, 3, "code"));
  EXPECT_EQ(traffic_.open_calls(), 0u);
  EXPECT_EQ(traffic_.calls(), 2u);
}

TEST_F(Http2TrafficTest, ResetsCountIfTheyComeSoonAndBeforeTheAnswer) {
  Receive(Greeting() + Begin(1) + Reset(1));
  EXPECT_EQ(traffic_.quick_resets(), 1u);
  Receive(Begin(3));
  Receive(Reset(3), kStart + Http2Traffic::kQuick);
  EXPECT_EQ(traffic_.quick_resets(), 1u) << "one that has waited for a while";
  Receive(Begin(5));
  traffic_.Sent(Frame(kHeaders, kEnd, 5, "trailers"));
  Receive(Reset(5) + Reset(7));
  EXPECT_EQ(traffic_.quick_resets(), 1u) << "one that is answered, and one that is none";
  EXPECT_EQ(traffic_.open_calls(), 0u);
}

// Nobody can hide a call behind a number that has been used.
TEST_F(Http2TrafficTest, StreamsCountUpwards) {
  Receive(Greeting() + Begin(5) + Begin(3) + Begin(5) + Begin(4));
  EXPECT_EQ(traffic_.calls(), 1u);
}

TEST_F(Http2TrafficTest, WhatHasComeOfIncompleteMessagesIsCounted) {
  Receive(Greeting() + Begin(1) + Frame(kData, 0, 1, Message(1'000, 400)));
  EXPECT_EQ(traffic_.unfinished_bytes(), 400u);
  Receive(Begin(3) + Frame(kData, 0, 3, Message(10, 10) + Message(0, 0) + Message(20, 5)));
  EXPECT_EQ(traffic_.unfinished_bytes(), 405u);
  Receive(Frame(kData, 0, 1, std::string(600, 'm')));
  EXPECT_EQ(traffic_.unfinished_bytes(), 5u) << "one is complete";
  Receive(Reset(3));
  EXPECT_EQ(traffic_.unfinished_bytes(), 0u);
}

TEST_F(Http2TrafficTest, BytesMayComeInAnyPieces) {
  const std::string bytes = Greeting() + Begin(1) + Frame(kData, 0, 1, Message(300, 299)) +
                            Begin(3) + Reset(3) + Frame(kSettings, 0, 0, "payload") + Begin(5);
  for (const std::size_t piece : {1u, 2u, 7u, 10u, 64u}) {
    Http2Traffic traffic;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      traffic.Received(std::string_view(bytes).substr(at, piece), kStart);
    }
    EXPECT_EQ(traffic.calls(), 3u) << piece;
    EXPECT_EQ(traffic.open_calls(), 2u) << piece;
    EXPECT_EQ(traffic.quick_resets(), 1u) << piece;
    EXPECT_EQ(traffic.unfinished_bytes(), 299u) << piece;
  }
}

}  // namespace
}  // namespace holdfast
