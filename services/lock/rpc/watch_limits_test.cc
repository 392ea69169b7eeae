// Watch calls that are too many, too slow, or at their end.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/testing/watch_fixture.h"
#include "tests/support/call_status.h"
#include "tests/support/channel.h"
#include "tests/support/eventually.h"
#include "tests/support/stub_client.h"
#include "tests/support/watch_stream.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using testing::SizeIs;

void ExpectOver(const CallStatus& status, const std::string& limit) {
  EXPECT_EQ(status.code, StatusCode::RESOURCE_EXHAUSTED) << status;
  EXPECT_EQ(status.reason, "LIMIT_EXCEEDED") << status;
  EXPECT_EQ(status.Get("limit"), limit) << status;
}

TEST_F(WatchTest, ASlowReaderIsEndedAndDisturbsNobody) {
  constexpr int kBacklog = 300;
  StartServer({.rpc_limits = {.max_watches = 2, .max_watch_backlog = kBacklog}});
  // The first message does not fit into what the slow client takes at a time.
  Hold("large", "holder", {std::string(128, 'a'), std::string(128, 'b')});
  StubClient slow_client(SlowChannel(server_->address()));
  auto slow = std::make_unique<WatchStream>(slow_client);
  ASSERT_TRUE(Eventually([&] { return Watches() == 1; }));
  const auto fast_client = NewClient();
  WatchStream fast(*fast_client);
  EXPECT_THAT(fast.ReadSnapshot(), SizeIs(1));

  int told = 0;
  const auto let_happen = [&](int events) {
    for (int i = 0; i < events; ++i, ++told) {
      const std::string name = std::to_string(told / 2);
      if (told % 2 == 0) {
        ASSERT_NO_FATAL_FAILURE(Hold("k", name));
      } else {
        ASSERT_NO_FATAL_FAILURE(Release("k", name));
      }
      ASSERT_EQ(Text(fast.Next()), told % 2 == 0 ? "GRANTED k" : "RELEASED k");
    }
  };
  ASSERT_NO_FATAL_FAILURE(let_happen(kBacklog));
  EXPECT_EQ(Watches(), 2u) << "it is just as far behind as it may be";
  ASSERT_NO_FATAL_FAILURE(let_happen(1));
  EXPECT_TRUE(Eventually([&] { return Watches() == 1; })) << "the engine is rid of it";
  ASSERT_NO_FATAL_FAILURE(let_happen(2 * kBacklog));

  // As long as its client does not read, its stream is open, and counts.
  const auto third_client = NewClient();
  ExpectOver(WatchStream(*third_client).End(), "max_watches");

  EXPECT_EQ(Text(slow->Next()), "HELD large") << "what was on its way still arrives";
  EXPECT_EQ(Text(slow->Next()), "SNAPSHOT_END");
  EXPECT_EQ(Text(slow->Next()), "(end)") << "but nothing with a gap before it";
  ExpectOver(slow->End(), "max_watch_backlog");
  EXPECT_TRUE(Eventually([&] {
    WatchStream again(slow_client);
    return again.Next().has_value();
  }));
}

TEST_F(WatchTest, WatchesAreLimitedAndMakeRoomWhenTheyEnd) {
  StartServer({.rpc_limits = {.max_watches = 2}});
  auto first = std::make_unique<WatchStream>(*client_);
  EXPECT_EQ(Text(first->Next()), "SNAPSHOT_END");
  WatchStream second(*client_);
  EXPECT_EQ(Text(second.Next()), "SNAPSHOT_END");
  ExpectOver(WatchStream(*client_).End(), "max_watches");
  first.reset();
  EXPECT_TRUE(Eventually([&] {
    WatchStream third(*client_);
    return third.Next().has_value();
  }));
}

TEST_F(WatchTest, ASnapshotThatIsTooLargeEndsTheWatch) {
  StartServer({.rpc_limits = {.max_watch_backlog = 10}});
  for (int i = 0; i < 11; ++i) Hold(std::to_string(i));
  // Often: the engine may be quicker than the call that began the watch.
  for (int i = 0; i < 50; ++i) ExpectOver(WatchStream(*client_).End(), "max_watch_backlog");
  EXPECT_TRUE(Eventually([&] { return Watches() == 0; }));
}

TEST_F(WatchTest, WhatIsRefusedDoesNotCount) {
  StartServer({.rpc_limits = {.max_watches = 1}});
  WatchStream invalid(*client_, {.key_prefix = std::string(513, 'k')});
  EXPECT_EQ(invalid.End().Get("field"), "filter.key_prefix");
  WatchStream watch(*client_);
  EXPECT_EQ(Text(watch.Next()), "SNAPSHOT_END");
}

TEST_F(WatchTest, CancellingLeavesNothingBehind) {
  StartServer();
  {
    WatchStream idle(*client_);
    EXPECT_EQ(Text(idle.Next()), "SNAPSHOT_END");
    Hold("large", "holder", {std::string(128, 'a')});
    StubClient slow_client(SlowChannel(server_->address()));
    WatchStream writing(slow_client);
    ASSERT_TRUE(Eventually([&] { return Watches() == 2; }));
    idle.Cancel();
    EXPECT_EQ(idle.End().code, StatusCode::CANCELLED);
  }
  EXPECT_TRUE(Eventually([&] { return Watches() == 0; }));
}

TEST_F(WatchTest, DrainingEndsAllWatches) {
  StartServer();
  Hold("large", "holder", {std::string(128, 'a'), std::string(128, 'b')});
  std::vector<std::unique_ptr<WatchStream>> watches;
  for (int i = 0; i < 20; ++i) {
    watches.push_back(std::make_unique<WatchStream>(*client_));
    EXPECT_THAT(watches.back()->ReadSnapshot(), SizeIs(1));
  }
  StubClient slow_client(SlowChannel(server_->address()));
  watches.push_back(std::make_unique<WatchStream>(slow_client));
  ASSERT_TRUE(Eventually([&] { return Watches() == 21; }));
  server_->engine().Drain();
  for (const auto& watch : watches) {
    const CallStatus status = watch->End();
    EXPECT_EQ(status.code, StatusCode::UNAVAILABLE) << status;
    EXPECT_EQ(status.reason, "SERVER_STOPPING") << status;
    EXPECT_TRUE(status.has_retry_info);
  }
  EXPECT_EQ(WatchStream(*client_).End().reason, "SERVER_STOPPING");
}

// It is the test's time limit that checks it.
TEST_F(WatchTest, WhoDoesNotReadDoesNotHoldUpTheEnd) {
  StartServer({.rpc_limits = {.max_watch_backlog = 300}});
  Hold("large", "holder", {std::string(128, 'a'), std::string(128, 'b')});
  StubClient slow_client(SlowChannel(server_->address()));
  WatchStream overflowed(slow_client);
  ASSERT_TRUE(Eventually([&] { return Watches() == 1; }));
  for (int i = 0; i < 151; ++i) {
    Hold("k", std::to_string(i));
    Release("k", std::to_string(i));
  }
  EXPECT_TRUE(Eventually([&] { return Watches() == 0; }));
  WatchStream behind(slow_client);
  ASSERT_TRUE(Eventually([&] { return Watches() == 1; }));
  server_.reset();
}

TEST_F(WatchTest, IsRefusedWhileTheServerLoads) {
  StartServer({.load = false});
  const CallStatus status = WatchStream(*client_).End();
  EXPECT_EQ(status.code, StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.reason, "SERVER_STARTING");
}

}  // namespace
}  // namespace holdfast
