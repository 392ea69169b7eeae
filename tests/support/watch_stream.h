// One Watch stream, which reads when the test asks for something and not before:
// what is not asked for waits in the server.
//
//   WatchStream watch(client, {.key_prefix = "jobs/"});
//   EXPECT_TRUE(watch.ReadSnapshot().empty());
//   ...
//   EXPECT_EQ(watch.Next()->kind(), v1::LeaseEvent::GRANTED);

#ifndef HOLDFAST_TESTS_SUPPORT_WATCH_STREAM_H_
#define HOLDFAST_TESTS_SUPPORT_WATCH_STREAM_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "tests/support/call_status.h"
#include "tests/support/stub_client.h"

namespace holdfast {

struct WatchFilter {
  std::string key_prefix{};
  std::vector<std::string> tags{};
};

// Thread-compatible; Cancel may be called at any time.
class WatchStream {
 public:
  // Opens the stream. The channel of `client` must stay open while it lasts. The
  // stream ends by itself after kWaitLimit.
  explicit WatchStream(StubClient& client, const WatchFilter& filter = {});

  // Cancels the call.
  ~WatchStream();
  WatchStream(const WatchStream&) = delete;
  WatchStream& operator=(const WatchStream&) = delete;

  // The next message, with all of its events. Nothing: the stream has ended.
  // REQUIRES: Next has not begun with one.
  std::optional<v1::WatchResponse> NextMessage();

  // The next event. Nothing: the stream has ended.
  std::optional<v1::LeaseEvent> Next();

  // The events up to SNAPSHOT_END, and without it.
  std::vector<v1::LeaseEvent> ReadSnapshot();

  // Reads what is left, and says how the stream ended.
  CallStatus End();

  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
  v1::WatchResponse message_;  // The one that Next takes events from,
  int next_event_ = 0;         // and the first that it has not taken.
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_WATCH_STREAM_H_
