// Watch streams of the transport: what is read, when reading pauses, and how they end.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/grpc_transport.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

v1::WatchResponse EventOf(const std::string& key) {
  v1::WatchResponse response;
  response.add_events()->set_key(key);
  return response;
}

// Long enough to see that nothing comes.
void LetSomethingHappen() { LetPass(30ms); }

class GrpcWatchTest : public testing::Test {
 protected:
  using Stream = PlayedLockService::WatchStream;

  // The server sends an event for each key, and then what `then` says.
  void Serve(const std::vector<std::string>& keys,
             std::function<grpc::Status(grpc::ServerContext&)> then) {
    server_.locks.on_watch = [keys, then = std::move(then)](grpc::ServerContext& context,
                                                            const v1::WatchRequest& request,
                                                            Stream& stream) {
      EXPECT_EQ(request.filter().key_prefix(), "k/");
      EXPECT_THAT(request.filter().tags(), ElementsAre("x"));
      for (const std::string& key : keys) stream.Write(EventOf(key));
      return then(context);
    };
  }
  void ServeForEver(const std::vector<std::string>& keys) {
    Serve(keys, [](grpc::ServerContext& context) {
      HangUntilCancelled(context);
      return grpc::Status::CANCELLED;
    });
  }

  // `read_on` is asked after each event whether to read more.
  void Watch(std::function<bool()> read_on) {
    LockTransport::WatchEvents events;
    events.on_events = [this, read_on = std::move(read_on)](std::vector<LockEvent> more) {
      {
        MutexLock lock(mutex_);
        EXPECT_FALSE(ended_);
        for (const LockEvent& event : more) keys_.push_back(event.key);
      }
      return read_on();
    };
    events.on_end = [this](absl::Status why) {
      {
        MutexLock lock(mutex_);
        EXPECT_FALSE(std::exchange(ended_, true));
      }
      end_.Set(std::move(why));
    };
    call_ = transport_->Watch({.key_prefix = "k/", .tags = "x"}, std::move(events));
  }

  std::vector<std::string> keys() const {
    MutexLock lock(mutex_);
    return keys_;
  }
  bool AwaitKeys(std::size_t count) {
    return Eventually([&] { return keys().size() >= count; });
  }
  bool ended() const {
    MutexLock lock(mutex_);
    return ended_;
  }

  PlayedServer server_;
  mutable Mutex mutex_;
  std::vector<std::string> keys_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
  Handover<absl::Status> end_;
  std::unique_ptr<GrpcTransport> transport_ = *GrpcTransport::Create(server_.address());
  std::shared_ptr<LockTransport::WatchCall> call_;
};

TEST_F(GrpcWatchTest, BringsEventsInTheirOrderAndThenTheEnd) {
  Serve({"k/1", "k/2", "k/3"}, [](auto&) { return grpc::Status::OK; });
  Watch([] { return true; });
  EXPECT_EQ(end_.Wait(), absl::UnavailableError("the server has ended the watch"));
  EXPECT_THAT(keys(), ElementsAre("k/1", "k/2", "k/3"));
}

TEST_F(GrpcWatchTest, RefusalIsPassedOn) {
  Serve({}, [](auto&) { return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many"); });
  Watch([] { return true; });
  EXPECT_EQ(end_.Wait(), absl::ResourceExhaustedError("too many"));
}

TEST_F(GrpcWatchTest, CancelEndsTheCallOnTheServer) {
  Handover<bool> cancelled;
  Serve({"k/1"}, [&](grpc::ServerContext& context) {
    HangUntilCancelled(context);
    cancelled.Set(true);
    return grpc::Status::CANCELLED;
  });
  Watch([] { return true; });
  ASSERT_TRUE(AwaitKeys(1));
  call_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
  EXPECT_TRUE(cancelled.Wait());
}

TEST_F(GrpcWatchTest, PausesUntilItIsToldToReadOn) {
  ServeForEver({"k/1", "k/2", "k/3", "k/4"});
  bool pause = true;  // Only gRPC's thread looks at it, for one event after another.
  Watch([&] { return !std::exchange(pause, !pause); });
  ASSERT_TRUE(AwaitKeys(1));
  LetSomethingHappen();
  EXPECT_THAT(keys(), ElementsAre("k/1"));
  // The second does not pause it, the third does.
  call_->ReadOn();
  ASSERT_TRUE(AwaitKeys(3));
  LetSomethingHappen();
  EXPECT_THAT(keys(), ElementsAre("k/1", "k/2", "k/3"));
  call_->ReadOn();
  ASSERT_TRUE(AwaitKeys(4));
  call_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
}

TEST_F(GrpcWatchTest, MayBeToldToReadOnBeforeItIsSeenToPause) {
  ServeForEver({"k/1", "k/2", "k/3"});
  Handover<bool> go_on;
  Watch([&, first = true]() mutable {
    if (std::exchange(first, false)) go_on.Wait();
    return false;
  });
  ASSERT_TRUE(AwaitKeys(1));
  call_->ReadOn();
  call_->ReadOn();
  go_on.Set(true);
  // That was for one pause.
  ASSERT_TRUE(AwaitKeys(2));
  LetSomethingHappen();
  EXPECT_THAT(keys(), ElementsAre("k/1", "k/2"));
  call_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
}

TEST_F(GrpcWatchTest, ToldTwiceToReadOnItPassesOverTheNextPause) {
  Handover<bool> go_on;
  server_.locks.on_watch = [&](grpc::ServerContext& context, auto&, Stream& stream) {
    stream.Write(EventOf("k/1"));
    go_on.Wait();
    for (const char* key : {"k/2", "k/3", "k/4"}) stream.Write(EventOf(key));
    HangUntilCancelled(context);
    return grpc::Status::CANCELLED;
  };
  Watch([] { return false; });
  ASSERT_TRUE(AwaitKeys(1));
  LetSomethingHappen();
  call_->ReadOn();
  call_->ReadOn();
  go_on.Set(true);
  ASSERT_TRUE(AwaitKeys(3));
  LetSomethingHappen();
  EXPECT_THAT(keys(), ElementsAre("k/1", "k/2", "k/3"));
  call_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
}

TEST_F(GrpcWatchTest, CancelEndsOneThatPauses) {
  ServeForEver({"k/1", "k/2"});
  Watch([] { return false; });
  ASSERT_TRUE(AwaitKeys(1));
  LetSomethingHappen();
  call_->Cancel();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
  // There is nothing left to do, for either.
  call_->Cancel();
  call_->ReadOn();
  EXPECT_THAT(keys(), ElementsAre("k/1"));
}

TEST_F(GrpcWatchTest, CancelEndsOneThatIsAboutToPause) {
  ServeForEver({"k/1", "k/2"});
  Handover<bool> go_on;
  Watch([&] {
    go_on.Wait();
    return false;
  });
  ASSERT_TRUE(AwaitKeys(1));
  call_->Cancel();
  go_on.Set(true);
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));
  call_->Cancel();
  call_->ReadOn();
  EXPECT_THAT(keys(), ElementsAre("k/1"));
}

TEST_F(GrpcWatchTest, EndsOnceWhateverIsDoneToItAndWhen) {
  ServeForEver({"k/1", "k/2"});
  // Often, because it depends on who comes first.
  for (int i = 0; i < 200; ++i) {
    const bool pauses = i % 2 == 0;
    Handover<bool> read;
    std::atomic<int> reads{0};
    std::atomic<int> ends{0};
    Handover<absl::Status> end;
    LockTransport::WatchEvents events;
    events.on_events = [&](auto) {
      if (++reads == 1) read.Set(true);
      return !pauses;
    };
    events.on_end = [&](absl::Status why) {
      ++ends;
      end.Set(std::move(why));
    };
    const auto call = transport_->Watch({.key_prefix = "k/", .tags = "x"}, std::move(events));
    if (i % 3 != 0) read.Wait();
    if (i % 7 == 0) call->ReadOn();
    call->Cancel();
    call->Cancel();
    call->ReadOn();
    ASSERT_TRUE(absl::IsCancelled(end.Wait())) << i;
    EXPECT_EQ(ends, 1);
  }
}

TEST_F(GrpcWatchTest, EndIsToldAfterAllThatCameBeforeHasBeenRead) {
  Serve({"k/1", "k/2"},
        [](auto&) { return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too slow"); });
  Watch([] { return false; });
  ASSERT_TRUE(AwaitKeys(1));
  server_.Shutdown();
  LetSomethingHappen();
  EXPECT_FALSE(ended());
  call_->ReadOn();
  ASSERT_TRUE(AwaitKeys(2));
  EXPECT_FALSE(ended());
  call_->ReadOn();
  EXPECT_EQ(end_.Wait(), absl::ResourceExhaustedError("too slow"));
}

TEST_F(GrpcWatchTest, ShutdownEndsWhatIsUnderWayAndWhatComesAfter) {
  ServeForEver({"k/1", "k/2"});
  Watch([] { return false; });
  ASSERT_TRUE(AwaitKeys(1));
  transport_->Shutdown();
  EXPECT_TRUE(absl::IsCancelled(end_.Wait()));

  LockTransport::WatchEvents events;
  std::optional<absl::Status> late;
  events.on_end = [&](absl::Status why) { late = std::move(why); };
  transport_->Watch({}, std::move(events));
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(absl::IsCancelled(*late));
}

TEST_F(GrpcWatchTest, SharesTheConnectionOfWaitsAndNotThatOfShortCalls) {
  Handover<std::string> watch_peer;
  Handover<std::string> wait_peer;
  Handover<std::string> release_peer;
  const auto note = [](Handover<std::string>& peer) {
    return [&](const grpc::ServerContext& context, auto&, auto&) {
      peer.Set(context.peer());
      return grpc::Status::OK;
    };
  };
  server_.locks.on_watch = note(watch_peer);
  server_.locks.on_wait = note(wait_peer);
  server_.locks.on_release = note(release_peer);
  Watch([] { return true; });
  EXPECT_TRUE(absl::IsUnavailable(end_.Wait()));
  LockTransport::WaitEvents events;
  events.on_end = [](const auto&) {};
  transport_->Wait({.key = "k"}, std::move(events));
  transport_->Release("k", "id", 10s, [](const auto&) {});
  const std::string peer = watch_peer.Wait();
  EXPECT_EQ(wait_peer.Wait(), peer);
  EXPECT_NE(release_peer.Wait(), peer);
}

}  // namespace
}  // namespace holdfast::core
