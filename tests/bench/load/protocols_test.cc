// What the load says to Redis and PostgreSQL, and how it reads their answers.

#include <gtest/gtest.h>

#include <string>

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/postgres_driver.h"
#include "tests/bench/load/redis_driver.h"
#include "tests/bench/load/wire_writer.h"

namespace holdfast::bench {
namespace {

TEST(RedisProtocol, ACommandIsItsWordsWithTheirLengths) {
  std::string command;
  AppendRedisCommand(command, {"SET", "key", ""});
  EXPECT_EQ(command, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}

TEST(RedisProtocol, ARepliesKindAndSizeAreRead) {
  const std::string replies = "+OK\r\n$-1\r\n:1\r\n$3\r\na\r\n\r\n-ERR no\r\n";
  std::size_t at = 0;
  const auto next = [&] {
    const auto reply = ParseRedisReply(std::string_view(replies).substr(at));
    at += reply->bytes;
    return *reply;
  };
  EXPECT_EQ(next().value, "OK");
  EXPECT_EQ(next().kind, RedisReply::Kind::kNull);
  EXPECT_EQ(next().value, "1");
  EXPECT_EQ(next().value, "a\r\n");
  EXPECT_EQ(next().kind, RedisReply::Kind::kError);
  EXPECT_EQ(at, replies.size());
}

TEST(RedisProtocol, APartOfAReplyIsNone) {
  for (const std::string reply : {"+OK\r\n", "$5\r\nhello\r\n", ":12\r\n"}) {
    for (std::size_t size = 0; size < reply.size(); ++size) {
      EXPECT_FALSE(ParseRedisReply(reply.substr(0, size))) << reply << " cut at " << size;
    }
    EXPECT_EQ(ParseRedisReply(reply)->bytes, reply.size());
  }
}

TEST(PostgresProtocol, AMessageIsReadOnceItIsAllThere) {
  std::string message = "Z";
  AppendBigEndian(message, std::uint32_t{5});
  message += "I";
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(ParsePostgresMessage(std::string_view(message).substr(0, size)));
  }
  const std::string arrived = message + "rest";
  const auto parsed = ParsePostgresMessage(arrived);
  EXPECT_EQ(parsed->type, 'Z');
  EXPECT_EQ(parsed->body, "I");
  EXPECT_EQ(parsed->bytes, message.size());
}

TEST(WireWriter, NumbersComeBackAsTheyWere) {
  std::string bytes;
  AppendBigEndian(bytes, std::int32_t{-101});
  AppendBigEndian(bytes, std::int64_t{0x0102030405060708});
  EXPECT_EQ(bytes.substr(4), "\1\2\3\4\5\6\7\10");
  EXPECT_EQ(ReadBigEndian<std::int32_t>(bytes), -101);
}

TEST(Latencies, AQuantileIsTheSmallestThatSoManyDoNotExceed) {
  Latencies latencies;
  EXPECT_EQ(latencies.Quantile(0.5), 0);
  for (int i = 100; i >= 1; --i) latencies.Add(i);
  EXPECT_EQ(latencies.Quantile(0.5), 50);
  EXPECT_EQ(latencies.Quantile(0.99), 99);
  EXPECT_EQ(latencies.Quantile(0.999), 100);
  EXPECT_EQ(latencies.Quantile(1), 100);
}

TEST(Latencies, OfOneIsAlwaysThatOne) {
  Latencies latencies;
  latencies.Add(7);
  EXPECT_EQ(latencies.Quantile(0.001), 7);
  EXPECT_EQ(latencies.Quantile(0.999), 7);
}

}  // namespace
}  // namespace holdfast::bench
