// Who is woken, and what for, while the engine's thread sleeps until a turn that is far away.

#include "services/lock/engine/mailbox.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

using std::chrono::hours;
using Turn = Mailbox::Turn;
using Wake = Mailbox::Wake;

// Time stands still.
class CountingClock final : public Clock {
 public:
  Now Read() const override {
    ++reads_;
    reads_.notify_all();
    return {.monotonic = Instant(hours(1)), .wall = {}};
  }
  void AwaitReads(int count) const {
    for (int reads = reads_; reads < count; reads = reads_) reads_.wait(reads);
  }

 private:
  mutable std::atomic<int> reads_{0};
};

Mailbox::Item Command(std::uint64_t call) {
  return {.command = {.call = CallId{call}, .body = GetCommand{}}};
}

class MailboxTest : public testing::Test {
 protected:
  MailboxTest() {
    // The first turn is due at once.
    EXPECT_EQ(mailbox_.Await(clock_, taken_), Turn::kBegin);
    EXPECT_FALSE(mailbox_.Continue(taken_, kFarAway));
    sleeper_ = std::thread([this] { turn_ = mailbox_.Await(clock_, taken_); });
    // It looks at the time with the mutex held, and sleeps when it lets go of that: so it
    // sleeps when anything else can be done to the mailbox.
    clock_.AwaitReads(2);
  }

  ~MailboxTest() override {
    mailbox_.Close();
    if (sleeper_.joinable()) sleeper_.join();
  }

  // What the engine's thread was woken for.
  Turn AwaitTurn() {
    sleeper_.join();
    return turn_;
  }

  // Takes the turn away, as whoever has submitted something.
  void TakeTurn() {
    Mailbox::Item item = Command(100);
    ASSERT_TRUE(mailbox_.Put(item, Wake::kNobody));
    ASSERT_TRUE(mailbox_.TryTakeTurn(mine_));
    ASSERT_EQ(mine_.size(), 1u);
  }

  static constexpr Instant kNow{hours(1)};
  static constexpr Instant kFarAway{hours(2)};

  CountingClock clock_;
  Mailbox mailbox_{2};
  std::vector<Mailbox::Item> taken_;  // By the engine's thread.
  std::vector<Mailbox::Item> mine_;

 private:
  Turn turn_{};
  std::thread sleeper_;
};

TEST_F(MailboxTest, ACommandWakesTheEngine) {
  Mailbox::Item item = Command(1);
  ASSERT_TRUE(mailbox_.Put(item, Wake::kEngine));
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(taken_[0].command.call, CallId{1});
}

TEST_F(MailboxTest, SoDoesWhatMustNotBeDropped) {
  mailbox_.PutAlways(Command(1));
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(MailboxTest, SoDoCommandsThatComeTogether) {
  std::vector<Mailbox::Item> items;
  items.push_back(Command(1));
  items.push_back(Command(2));
  ASSERT_TRUE(mailbox_.PutTogether(items, /*always=*/false, Wake::kEngine));
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  EXPECT_EQ(taken_.size(), 2u);
}

TEST_F(MailboxTest, ItIsWokenForATurnThatIsDueSooner) {
  TakeTurn();
  EXPECT_FALSE(mailbox_.Continue(mine_, kNow));
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  EXPECT_TRUE(taken_.empty());
}

TEST_F(MailboxTest, ItIsWokenForWhatIsLeft) {
  TakeTurn();
  Mailbox::Item item = Command(1);
  ASSERT_TRUE(mailbox_.Put(item, Wake::kNobody));
  mailbox_.GiveUp(kFarAway);
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(MailboxTest, WhoHasTheTurnTakesWhatComesMeanwhile) {
  TakeTurn();
  mailbox_.PutAlways(Command(1));
  std::vector<Mailbox::Item> none;
  EXPECT_FALSE(mailbox_.TryTakeTurn(none)) << "it is taken";
  ASSERT_TRUE(mailbox_.Continue(mine_, kFarAway));
  EXPECT_EQ(mine_[0].command.call, CallId{1});
  EXPECT_FALSE(mailbox_.Continue(mine_, kFarAway));
  EXPECT_FALSE(mailbox_.TryTakeTurn(none)) << "there is nothing";
  mailbox_.Close();
  EXPECT_EQ(AwaitTurn(), Turn::kNone);
}

TEST_F(MailboxTest, ATurnIsHandedOverInTheMiddle) {
  TakeTurn();
  mailbox_.PutAlways(Command(1));
  mailbox_.HandOver();
  EXPECT_EQ(AwaitTurn(), Turn::kFinish);
  EXPECT_TRUE(taken_.empty()) << "what has come since is for the next turn";
  ASSERT_TRUE(mailbox_.Continue(taken_, kFarAway));
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(MailboxTest, AfterAFailureThereIsNothingMore) {
  TakeTurn();
  mailbox_.PutAlways(Command(1));
  mailbox_.Fail();
  EXPECT_EQ(AwaitTurn(), Turn::kNone);
  Mailbox::Item item = Command(2);
  EXPECT_FALSE(mailbox_.Put(item, Wake::kEngine));
}

TEST_F(MailboxTest, WhatCameBeforeItsCloseIsTaken) {
  Mailbox::Item item = Command(1);
  ASSERT_TRUE(mailbox_.Put(item, Wake::kNobody));
  mailbox_.Close();
  EXPECT_EQ(AwaitTurn(), Turn::kBegin);
  EXPECT_EQ(taken_.size(), 1u);
  EXPECT_FALSE(mailbox_.Put(item, Wake::kEngine));
  mailbox_.PutAlways(Command(2));
  EXPECT_FALSE(mailbox_.Continue(taken_, kFarAway));
  EXPECT_EQ(mailbox_.Await(clock_, taken_), Turn::kNone);
}

}  // namespace
}  // namespace holdfast
