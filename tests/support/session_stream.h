// One stream of a session, on plain stubs: it sends what the test says, when the test
// says so, and reads when the test asks for something.
//
//   SessionStream session(channel, "session-0123456789");
//   EXPECT_FALSE(session.Attach().resumed());
//   const v1::Event granted = session.Await(session.Acquire({.key = "k", .lease_id = Id("a")}));

#ifndef HOLDFAST_TESTS_SUPPORT_SESSION_STREAM_H_
#define HOLDFAST_TESTS_SUPPORT_SESSION_STREAM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "holdfast/v1/session.grpc.pb.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"

namespace holdfast {

struct HeldArgs {
  std::string key;
  std::string lease_id;
};

// Thread-compatible; Cancel may be called at any time.
class SessionStream {
 public:
  // Opens the stream, which ends by itself after kWaitLimit.
  SessionStream(const std::shared_ptr<grpc::Channel>& channel, std::string session_id,
                std::uint64_t stream_number = 1);

  // Cancels the call.
  ~SessionStream();
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;

  // Sends one page with all of `held`, and awaits the answer. An empty event: there was
  // none, and the stream has ended.
  v1::Event::Attached Attach(const std::vector<HeldArgs>& held = {});

  // Each sends one operation, and returns its id. `report_queue`: see the proto.
  std::uint64_t Acquire(const AcquireArgs& args, bool report_queue = false);
  std::uint64_t Release(const std::string& key, const std::string& lease_id);
  std::uint64_t Renew(const std::string& key, const std::string& lease_id,
                      std::optional<std::chrono::nanoseconds> expire = {});
  std::uint64_t RenewAll();
  std::uint64_t Detach(const std::string& key, const std::string& lease_id);

  // An operation with an id of its own, to be sent by Send. Of the same stream none has
  // been used before.
  v1::Operation NewOperation();

  // False: the stream has ended.
  bool Send(const v1::SessionRequest& request);
  bool Send(const v1::Operation& operation);

  // Says that all that was read has been dealt with.
  bool Acknowledge();

  // The answer to operation `id`. What is read meanwhile stays for Next. An empty event:
  // the stream has ended.
  v1::Event Await(std::uint64_t id);

  // The next event, in their order. Nothing: the stream has ended.
  std::optional<v1::Event> Next();

  // The next message, with all of its events. REQUIRES: nothing has been left by Await.
  std::optional<v1::SessionResponse> NextMessage();

  // Of the message that was read last.
  std::uint64_t number() const { return number_; }

  // Says that nothing more is to be sent.
  void HalfClose() { stream_->WritesDone(); }

  // Reads what is left, and says how the stream ended.
  CallStatus End();

  void Cancel() { context_.TryCancel(); }

 private:
  bool ReadMessage();

  const std::string session_id_;
  const std::uint64_t stream_number_;
  const std::unique_ptr<v1::SessionService::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>> stream_;
  std::uint64_t last_id_ = 0;
  std::uint64_t number_ = 0;
  std::deque<v1::Event> unread_;
};

// What the operation failed with.
CallStatus FailureOf(const v1::Event& event);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_SESSION_STREAM_H_
