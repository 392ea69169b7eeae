// How a channel finds its server, and how it notices that it is gone.
//
// Tests move gRPC's time on. Where nothing is to happen yet they leave seconds to spare, and
// what happens too late takes longer than a test has.

#include "clients/cpp/transport/channel.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "clients/cpp/core/runtime.h"
#include "clients/cpp/transport/testing/grpc_time.h"
#include "clients/cpp/transport/testing/played_server.h"
#include "clients/cpp/transport/testing/raw_listener.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"
#include "tests/support/steered_proxy.h"
#include "tests/support/temp_dir.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

// What would happen wrongly happens in this time.
void LetSomethingHappen() { LetPass(50ms); }

class ChannelTest : public testing::Test {
 protected:
  const TempDir folder_;
  const std::string path_ = folder_.path() + "/s";
  const std::string address_ = "unix:" + path_;
};

// A server behind a proxy, and waits that are silent from their first event on.
class SilenceTest : public ChannelTest {
 protected:
  SilenceTest() {
    server_.locks.on_wait = [](grpc::ServerContext& context, auto&, auto& stream) {
      stream.Write(v1::WaitEvent());
      HangUntilCancelled(context);
      return grpc::Status::CANCELLED;
    };
  }

  // The bytes of the client's question whether there is still somebody.
  std::size_t Asked() const { return proxy_.bytes_held(SteeredProxy::kToServer); }

  PlayedServer server_{address_};
  SteeredProxy proxy_{address_};
};

// One wait, over a channel of its own.
class SilentWait {
 public:
  explicit SilentWait(const std::string& address) : channel_(OpenChannel(address, 1s)) {
    stream_ = v1::LockService::NewStub(channel_)->Wait(&context_, v1::AcquireRequest());
    v1::WaitEvent event;
    EXPECT_TRUE(stream_->Read(&event));
    LetSomethingHappen();
    reader_ = std::thread([this] {
      v1::WaitEvent none;
      EXPECT_FALSE(stream_->Read(&none));
      end_.Set(stream_->Finish());
    });
  }
  ~SilentWait() {
    context_.TryCancel();
    reader_.join();
  }
  SilentWait(const SilentWait&) = delete;
  SilentWait& operator=(const SilentWait&) = delete;

  bool connected() const {
    return channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  }
  Handover<grpc::Status>& end() { return end_; }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WaitEvent>> stream_;
  Handover<grpc::Status> end_;
  std::thread reader_;
};

TEST_F(SilenceTest, IsAskedAboutAfterTwentySecondsAndEndedFiveLater) {
  SilentWait wait(proxy_.address());
  proxy_.Hold(SteeredProxy::kToServer);
  AdvanceGrpcTime(20s);
  ASSERT_TRUE(Eventually([&] { return Asked() > 0; }));
  AdvanceGrpcTime(2s);
  LetSomethingHappen();
  EXPECT_TRUE(wait.connected());
  AdvanceGrpcTime(3s);
  const grpc::Status end = wait.end().Wait();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << end.error_message();
}

TEST_F(SilenceTest, IsEndedSoonEachTime) {
  // The seconds that gRPC would take by itself add up to more than a test has.
  for (int round = 0; round < 4; ++round) {
    SilentWait wait(proxy_.address());
    proxy_.Hold(SteeredProxy::kToClient);
    AdvanceGrpcTime(20s);
    LetSomethingHappen();
    AdvanceGrpcTime(5s);
    EXPECT_EQ(wait.end().Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
    proxy_.Pass(SteeredProxy::kToClient);
  }
}

TEST_F(SilenceTest, IsAskedAboutAgainAndAgainAndNotTooOftenForTheServer) {
  SilentWait wait(proxy_.address());
  for (int i = 0; i < 10; ++i) {
    proxy_.Hold(SteeredProxy::kToServer);
    for (Duration passed = 0s; passed < 20s; passed += 4s) {
      AdvanceGrpcTime(4s);
      LetPass(10ms);
    }
    ASSERT_TRUE(Eventually([&] { return Asked() > 0; })) << i;
    proxy_.Pass(SteeredProxy::kToServer);
    LetSomethingHappen();
  }
  EXPECT_TRUE(wait.connected());
}

// Seeks a server until the end of the test.
class SeekingTest : public ChannelTest {
 protected:
  using Manner = RawListener::Manner;

  // Whether there are so many connections once gRPC's time is `span` later.
  static bool AwaitConnections(const RawListener& listener, int count, Duration span) {
    AdvanceGrpcTime(span);
    return Eventually([&] { return listener.connections() >= count; });
  }

  void Seek(grpc::Channel& channel) {
    // Connecting goes on only while somebody asks for it.
    seeker_ = std::jthread([&channel](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        channel.GetState(/*try_to_connect=*/true);
        LetPass(1ms);
      }
    });
  }

  std::jthread seeker_;
};

TEST_F(SeekingTest, PausesBetweenTriesStayShort) {
  const RawListener listener(path_, Manner::kCloses);
  const auto channel = OpenChannel(address_, 1s);
  Seek(*channel);
  ASSERT_TRUE(AwaitConnections(listener, 1, 0s));
  for (int tries = 2; tries <= 12; ++tries) {
    // Pauses differ by up to a fifth from what they should be.
    ASSERT_TRUE(AwaitConnections(listener, tries, 1200ms)) << tries;
  }
  seeker_ = {};
}

TEST_F(SeekingTest, ServerThatSaysNothingIsGivenUpAfterASecond) {
  const RawListener listener(path_, Manner::kSilent);
  const auto channel = OpenChannel(address_, 1s);
  Seek(*channel);
  ASSERT_TRUE(AwaitConnections(listener, 1, 0s));
  ASSERT_TRUE(AwaitConnections(listener, 2, 1s));
  seeker_ = {};
}

TEST_F(ChannelTest, CallIsNeverSentTwice) {
  // It was not looked at, the server says, so that gRPC would be free to send it again.
  const RawListener listener(path_, RawListener::Manner::kRefuses);
  const auto stub = v1::LockService::NewStub(OpenChannel(address_, 1s));
  grpc::ClientContext context;
  v1::ReleaseResponse response;
  const grpc::Status status = stub->Release(&context, v1::ReleaseRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(listener.calls(), 1);
}

}  // namespace
}  // namespace holdfast::core
