#include "clients/cli/run/link.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

TEST(LinkTest, KeepsMessagesApartAndInOrder) {
  auto pair = Link::CreatePair();
  ASSERT_TRUE(pair.ok());
  const auto& [ours, theirs] = *pair;
  EXPECT_FALSE(theirs.Receive().message.has_value());
  ours.Send({.kind = Message::Kind::kSignal, .signal = 15});
  ours.Send({.kind = Message::Kind::kStarted});
  const Link::Heard first = theirs.Receive();
  ASSERT_TRUE(first.message.has_value());
  EXPECT_EQ(first.message->kind, Message::Kind::kSignal);
  EXPECT_EQ(first.message->signal, 15);
  EXPECT_EQ(theirs.Receive().message->kind, Message::Kind::kStarted);
  const Link::Heard nothing = theirs.Receive();
  EXPECT_FALSE(nothing.message.has_value());
  EXPECT_FALSE(nothing.closed);
}

TEST(LinkTest, TellsTheEndAfterTheLastMessage) {
  auto pair = Link::CreatePair();
  ASSERT_TRUE(pair.ok());
  {
    const Link ours = std::move(pair->first);
    ours.Send({.kind = Message::Kind::kStopped});
  }
  EXPECT_TRUE(pair->second.Receive().message.has_value());
  EXPECT_TRUE(pair->second.Receive().closed);
}

TEST(LinkTest, SendingToAnEndThatHasGoneIsHarmless) {
  auto pair = Link::CreatePair();
  ASSERT_TRUE(pair.ok());
  { const Link gone = std::move(pair->second); }
  pair->first.Send({.kind = Message::Kind::kStarted});
  EXPECT_TRUE(pair->first.Receive().closed);
}

TEST(SharedStateTest, IsSeenByAForkedProcess) {
  const auto shared = SharedState::Create();
  ASSERT_TRUE(shared.ok());
  EXPECT_EQ((*shared)->backstop(), MonotonicTime::max());
  EXPECT_EQ((*shared)->group(), 0);
  const pid_t child = fork();
  if (child == 0) {
    (*shared)->set_backstop(MonotonicTime(5s));
    (*shared)->set_group(7);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ((*shared)->backstop(), MonotonicTime(5s));
  EXPECT_EQ((*shared)->group(), 7);
}

}  // namespace
}  // namespace holdfast::cli
