// Wait calls through a real server: what a client reads, and what its leaving
// does.

#include "services/lock/rpc/wait_reactor.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/rpc/testing/manual_clock.h"
#include "services/lock/rpc/testing/test_server.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/channel.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;

v1::AcquireRequest Request(const std::string& name) {
  v1::AcquireRequest request;
  request.set_key("k");
  request.set_lease_id(Id(name));
  request.set_owner(name);
  return request;
}

// A Wait call that is read on the test's thread.
class Stream {
 public:
  Stream(v1::LockService::Stub& stub, const v1::AcquireRequest& request)
      : reader_(stub.Wait(&context_, request)) {}
  ~Stream() { context_.TryCancel(); }

  // The next event; nothing at the end.
  std::optional<v1::WaitEvent> Read() {
    v1::WaitEvent event;
    if (!reader_->Read(&event)) return std::nullopt;
    return event;
  }

  // The grant, past whatever comes before it.
  std::optional<v1::Lease> ReadGrant() {
    while (const auto event = Read()) {
      if (event->has_granted()) return event->granted().lease();
    }
    return std::nullopt;
  }

  grpc::Status Finish() { return reader_->Finish(); }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WaitEvent>> reader_;
};

class WaitTest : public testing::Test {
 protected:
  void StartServer(TestServer::Options options = {}) {
    server_ = std::make_unique<TestServer>(options);
    stub_ = v1::LockService::NewStub(server_->NewChannel());
  }

  // Takes the lock at once.
  void Hold(const std::string& name, const std::vector<std::string>& tags = {}) {
    v1::AcquireRequest request = Request(name);
    request.mutable_tags()->Assign(tags.begin(), tags.end());
    grpc::ClientContext context;
    v1::AcquireResponse response;
    ASSERT_TRUE(stub_->Acquire(&context, request, &response).ok());
  }

  grpc::Status Release(const std::string& name) {
    grpc::ClientContext context;
    v1::ReleaseRequest request;
    request.set_key("k");
    request.set_lease_id(Id(name));
    v1::ReleaseResponse response;
    return stub_->Release(&context, request, &response);
  }

  v1::Lock Get() {
    grpc::ClientContext context;
    v1::GetRequest request;
    request.set_key("k");
    v1::GetResponse response;
    EXPECT_TRUE(stub_->Get(&context, request, &response).ok());
    return response.lock();
  }

  // Has a stream in the queue when it returns.
  std::unique_ptr<Stream> Queue(const std::string& name) {
    auto stream = std::make_unique<Stream>(*stub_, Request(name));
    const auto event = stream->Read();
    EXPECT_TRUE(event.has_value() && event->has_queued());
    return stream;
  }

  ManualClock clock_;  // Used by those who ask for it.
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<v1::LockService::Stub> stub_;
};

TEST_F(WaitTest, AFreeLockIsGrantedAtOnceAndTheStreamEnds) {
  StartServer();
  Stream stream(*stub_, Request("a"));
  const auto event = stream.Read();
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(event->has_granted());
  EXPECT_EQ(event->granted().lease().lease_id(), Id("a"));
  EXPECT_EQ(stream.Read(), std::nullopt);
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(WaitTest, AHeldLockIsWaitedForWithPlaceAndHolder) {
  StartServer();
  Hold("holder");
  Stream first(*stub_, Request("first"));
  auto event = first.Read();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->queued().position(), 1u);
  ASSERT_EQ(event->queued().holders_size(), 1);
  EXPECT_EQ(event->queued().holders(0).owner(), "holder");

  Stream second(*stub_, Request("second"));
  const auto behind = second.Read();
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->queued().position(), 2u);
  EXPECT_GT(behind->queued().queue_sequence(), event->queued().queue_sequence());

  ASSERT_TRUE(Release("holder").ok());
  const auto lease = first.ReadGrant();
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->owner(), "first");
  EXPECT_TRUE(first.Finish().ok());
}

TEST_F(WaitTest, ARefusalEndsTheStream) {
  StartServer();
  Hold("holder");
  v1::AcquireRequest request = Request("a");
  request.mutable_timeout()->set_nanos(1);
  Stream timed_out(*stub_, request);
  EXPECT_EQ(timed_out.ReadGrant(), std::nullopt);
  EXPECT_EQ(Decode(timed_out.Finish()).reason, "WAIT_TIMEOUT");

  request = Request("b");
  request.mutable_timeout();
  Stream tried_once(*stub_, request);
  EXPECT_EQ(tried_once.Read(), std::nullopt);
  EXPECT_EQ(Decode(tried_once.Finish()).reason, "LOCK_HELD");

  request.clear_key();
  Stream invalid(*stub_, request);
  EXPECT_EQ(invalid.Read(), std::nullopt);
  EXPECT_EQ(Decode(invalid.Finish()).reason, "INVALID_FIELD");
}

TEST_F(WaitTest, ReleaseEndsAWait) {
  StartServer();
  Hold("holder");
  const auto waiting = Queue("a");
  ASSERT_TRUE(Release("a").ok());
  EXPECT_EQ(waiting->ReadGrant(), std::nullopt);
  EXPECT_EQ(Decode(waiting->Finish()).reason, "LEASE_ENDED");
}

TEST_F(WaitTest, DrainingEndsAllWaits) {
  StartServer();
  Hold("holder");
  std::vector<std::unique_ptr<Stream>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(Queue("w" + std::to_string(i)));
  server_->engine().Drain();
  for (const auto& stream : waiting) {
    EXPECT_EQ(stream->ReadGrant(), std::nullopt);
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(Decode(status).reason, "SERVER_STOPPING");
  }
}

TEST_F(WaitTest, OpenWaitsAreLimited) {
  StartServer({.rpc_limits = {.max_open_waits = 2}});
  Hold("holder");
  auto first = Queue("first");
  const auto second = Queue("second");
  Stream third(*stub_, Request("third"));
  EXPECT_EQ(third.Read(), std::nullopt);
  const grpc::Status status = third.Finish();
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("max_open_waits"));

  // Room is made by the end of a call, which the server may see a little later
  // than its client.
  ASSERT_TRUE(Release("first").ok());
  EXPECT_EQ(first->ReadGrant(), std::nullopt);
  std::string reason;
  do {
    Stream fourth(*stub_, Request("fourth"));
    const auto event = fourth.Read();
    if (event.has_value()) break;
    reason = Decode(fourth.Finish()).reason;
  } while (reason == "LIMIT_EXCEEDED");
  EXPECT_THAT(reason, testing::AnyOf("", "LIMIT_EXCEEDED"));
}

TEST_F(WaitTest, WhoCancelsIsPassedOver) {
  StartServer();
  Hold("holder");
  auto first = Queue("first");
  auto second = Queue("second");
  first->Cancel();
  EXPECT_EQ(first->Finish().error_code(), StatusCode::CANCELLED);
  while (!Get().waiters(0).parked()) {
  }
  ASSERT_TRUE(Release("holder").ok());
  const auto lease = second->ReadGrant();
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->owner(), "second");
}

TEST_F(WaitTest, WhoComesBackHasItsPlaceAgain) {
  StartServer();
  Hold("holder");
  auto first = Queue("first");
  auto second = Queue("second");
  first->Cancel();
  while (!Get().waiters(0).parked()) {
  }
  const auto back = Queue("first");
  ASSERT_TRUE(Release("holder").ok());
  EXPECT_TRUE(back->ReadGrant().has_value());
}

// The client's end takes so little at a time that the server cannot finish its
// first write while many more changes happen.
TEST_F(WaitTest, ASlowReaderGetsTheNewestPlaceOnly) {
  StartServer({.clock = &clock_});
  Hold("holder", {std::string(128, 'a'), std::string(128, 'b')});
  constexpr int kAhead = 30;
  std::vector<std::unique_ptr<Stream>> ahead;
  for (int i = 0; i < kAhead; ++i) ahead.push_back(Queue("ahead" + std::to_string(i)));

  const auto slow_stub = v1::LockService::NewStub(SlowChannel(server_->address()));
  Stream slow(*slow_stub, Request("slow"));
  while (Get().queue_length() != kAhead + 1) {
  }
  for (int i = 0; i < kAhead; ++i) {
    ASSERT_TRUE(Release("ahead" + std::to_string(i)).ok());
    // Longer than the least time between two reports.
    clock_.Advance(std::chrono::seconds(2));
    Get();
  }
  std::vector<std::uint32_t> positions;
  do {
    const auto event = slow.Read();
    ASSERT_TRUE(event.has_value());
    positions.push_back(event->queued().position());
  } while (positions.back() != 1);
  EXPECT_LT(positions.size(), std::size_t{kAhead} / 2) << testing::PrintToString(positions);

  ASSERT_TRUE(Release("holder").ok());
  EXPECT_TRUE(slow.ReadGrant().has_value());
  EXPECT_TRUE(slow.Finish().ok());
}

}  // namespace
}  // namespace holdfast
