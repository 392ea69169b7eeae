#include "services/lock/rpc/watch_event.h"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.pb.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {
namespace {

using testing::SizeIs;

SharedLeaseEvent Event(const std::string& key, std::uint64_t sequence) {
  return std::make_shared<const LeaseEvent>(
      LeaseEvent{.kind = LeaseEventKind::kGranted, .sequence = sequence, .key = key});
}

TEST(WatchEventTest, AMessageHasAllOfItsEventsInOrder) {
  WatchEvents events;
  WatchMessage message;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    message.events.push_back(events.Share(Event("k" + std::to_string(i), i)));
  }
  v1::WatchResponse response;
  ASSERT_TRUE(ParseMessage(SerializeMessage(message), response).ok());
  ASSERT_THAT(response.events(), SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(response.events(i).sequence(), static_cast<std::uint64_t>(i + 1));
    EXPECT_EQ(response.events(i).key(), "k" + std::to_string(i + 1));
    EXPECT_EQ(response.events(i).kind(), v1::LeaseEvent::GRANTED);
  }
}

TEST(WatchEventTest, AllWatchesShareTheBytesOfAnEvent) {
  WatchEvents events;
  const SharedLeaseEvent event = Event("k", 1);
  const SharedWatchEvent one = events.Share(event);
  const SharedWatchEvent other = events.Share(event);
  const SharedWatchEvent next = events.Share(Event("k", 2));
  EXPECT_EQ(one, other);
  EXPECT_NE(one, next);
  EXPECT_EQ(one->Bytes().begin(), other->Bytes().begin());
  // And the messages that are made of them do too.
  grpc::Slice slice;
  const std::string key(1'000, 'k');  // Longer than what gRPC copies.
  const SharedWatchEvent large = events.Share(Event(key, 3));
  ASSERT_TRUE(SerializeMessage(WatchMessage{{large}}).TrySingleSlice(&slice).ok());
  EXPECT_EQ(slice.begin(), large->Bytes().begin());
}

TEST(WatchEventTest, TheBytesAreMadeOnceWhoeverIsFirst) {
  WatchEvents events;
  const SharedWatchEvent event = events.Share(Event(std::string(1'000, 'k'), 1));
  std::vector<const std::uint8_t*> seen(4);
  std::vector<std::thread> threads;
  for (auto& begin : seen) threads.emplace_back([&] { begin = event->Bytes().begin(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(seen, testing::Each(seen.front()));
}

}  // namespace
}  // namespace holdfast
