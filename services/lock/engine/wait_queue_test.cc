// Positions in a queue, against counting them out.

#include "services/lock/engine/wait_queue.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(PlaceCounterTest, CountsThePlacesThatAreTaken) {
  PlaceCounter counter;
  for (std::uint32_t place = 1; place <= 100; ++place) ASSERT_EQ(counter.Take(), place);
  for (std::uint32_t place = 2; place <= 100; place += 2) counter.GiveUp(place);
  for (std::uint32_t place = 1; place <= 100; ++place) {
    ASSERT_EQ(counter.TakenThrough(place), (place + 1) / 2);
  }
  EXPECT_EQ(counter.Take(), 101u);
  EXPECT_EQ(counter.TakenThrough(101), 51u);
}

class WaitQueueTest : public ::testing::Test {
 protected:
  Waiter& Add() {
    waiters_.push_back(std::make_unique<Waiter>());
    waiters_.back()->sequence = ++last_sequence_;
    queue_.Add(*waiters_.back());
    return *waiters_.back();
  }

  void Remove(std::size_t index) {
    queue_.Remove(*waiters_[index]);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // Everybody's position is the place in waiters_.
  void Check() {
    ASSERT_EQ(queue_.size(), waiters_.size());
    for (std::size_t i = 0; i < waiters_.size(); ++i) {
      ASSERT_EQ(queue_.PositionOf(*waiters_[i]), i + 1);
    }
  }

  WaitQueue queue_;
  std::vector<std::unique_ptr<Waiter>> waiters_;  // In the order of the queue.
  std::uint64_t last_sequence_ = 0;
};

TEST_F(WaitQueueTest, PositionsMoveUpWhenSomebodyLeaves) {
  for (int i = 0; i < 5; ++i) Add();
  Remove(0);
  Check();
  Remove(2);
  Check();
  Add();
  Check();
}

TEST_F(WaitQueueTest, PositionsAreRightWhateverComesAndGoes) {
  constexpr unsigned kSeed = 20'240'607;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20; ++round) {
    // The queue grows, stays and shrinks by turns.
    const unsigned percent_added = std::vector<unsigned>{80, 50, 20}[random() % 3];
    for (int step = 0; step < 200; ++step) {
      if (waiters_.empty() || random() % 100 < percent_added) {
        Add();
      } else {
        // Mostly from the front, as grants do.
        Remove(random() % 3 == 0 ? random() % waiters_.size() : 0);
      }
    }
    ASSERT_NO_FATAL_FAILURE(Check());
  }
}

TEST_F(WaitQueueTest, FirstReadyIsTheFirstWithACall) {
  EXPECT_EQ(queue_.FirstReady(), nullptr);
  Waiter& parked = Add();
  EXPECT_EQ(queue_.FirstReady(), nullptr);
  Waiter waiting;
  waiting.sequence = ++last_sequence_;
  waiting.calls.emplace_back();
  queue_.Add(waiting);
  EXPECT_EQ(queue_.FirstReady(), &waiting);
  parked.calls.emplace_back();
  queue_.UpdateParked(parked);
  EXPECT_EQ(queue_.FirstReady(), &parked);
}

// One who stays for good behind whom others come and go for ever.
TEST_F(WaitQueueTest, DoesNotRememberThoseWhoHaveLeft) {
  Add();
  for (int i = 0; i < 100'000; ++i) {
    Add();
    Remove(1);
    ASSERT_LE(queue_.places_remembered(), 2 * WaitQueue::kMinPlacesRemembered);
  }
  Check();
}

}  // namespace
}  // namespace holdfast
