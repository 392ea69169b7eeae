#include "holdfast/client.h"

#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/tags.h"
#include "holdfast/time.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(ClientTest, AddressThatIsNoneIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(Client::Create("nowhere").status()));
}

TEST(ClientTest, TimeoutsThatAreNotPositiveAreRefused) {
  for (const Duration timeout : {Duration(0s), Duration(-1s)}) {
    const std::string_view address = "unix:/tmp/no-such-holdfast.sock";
    EXPECT_TRUE(
        absl::IsInvalidArgument(Client::Create(address, {.call_timeout = timeout}).status()));
    EXPECT_TRUE(
        absl::IsInvalidArgument(Client::Create(address, {.connect_timeout = timeout}).status()));
  }
}

TEST(ClientTest, IsMadeWhetherOrNotThereIsAServer) {
  const auto client = Client::Create("unix:/tmp/no-such-holdfast.sock");
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ((*client)->address(), "unix:/tmp/no-such-holdfast.sock");
  EXPECT_THAT((*client)->owner(), testing::StartsWith("client_test@"));
}

TEST(ClientTest, GetOfAServerThatIsNotThereIsUnavailable) {
  const auto client = *Client::Create("unix:/tmp/no-such-holdfast.sock", {.call_timeout = 50ms});
  EXPECT_TRUE(absl::IsUnavailable(client->Get("k").status()));
}

TEST(ClientTest, ReleaseOfAServerThatIsNotThereIsUnavailable) {
  const auto client = *Client::Create("unix:/tmp/no-such-holdfast.sock", {.call_timeout = 50ms});
  EXPECT_TRUE(absl::IsUnavailable(client->Release("k", "0123456789abcdef")));
}

TEST(TimeTest, SecondsTakesWhateverIsANumber) {
  EXPECT_EQ(Seconds(1.5), 1500ms);
  EXPECT_EQ(Seconds(0), 0s);
  EXPECT_EQ(Seconds(1e300), kForever);
  EXPECT_EQ(Seconds(std::numeric_limits<double>::infinity()), kForever);
  EXPECT_LT(Seconds(-1e300), 0s);
}

TEST(TimeTest, ClockGoesForward) {
  const MonotonicTime before = MonotonicClock::now();
  EXPECT_GE(MonotonicClock::now(), before);
}

TEST(TagsTest, OneStringIsOneTag) {
  const Tags literal = "abc";
  const Tags string = std::string("abc");
  const Tags braced = {"abc"};
  EXPECT_THAT(literal, testing::ElementsAre("abc"));
  EXPECT_THAT(string, testing::ElementsAre("abc"));
  EXPECT_THAT(braced, testing::ElementsAre("abc"));
}

TEST(TagsTest, AreASet) {
  const Tags tags = {"b", "a", "b"};
  EXPECT_THAT(tags, testing::ElementsAre("a", "b"));
  EXPECT_TRUE(tags.contains("a"));
  EXPECT_FALSE(tags.contains("c"));
  EXPECT_TRUE(Tags().empty());
  EXPECT_EQ(tags, Tags(std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace holdfast
