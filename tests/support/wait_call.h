// One Wait stream, read as its messages arrive. It needs no thread of its own,
// so a test can have ten thousand of them.
//
//   WaitCall waiter(client, {.key = "k", .lease_id = Id("w")});
//   ASSERT_TRUE(waiter.AwaitQueued());
//   ...
//   ASSERT_TRUE(waiter.AwaitGranted());
//   EXPECT_GT(waiter.lease().fencing_token(), before);

#ifndef HOLDFAST_TESTS_SUPPORT_WAIT_CALL_H_
#define HOLDFAST_TESTS_SUPPORT_WAIT_CALL_H_

#include <chrono>

#include "common/mutex.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/eventually.h"
#include "tests/support/stub_client.h"

namespace holdfast {

// Thread-safe.
class WaitCall : private grpc::ClientReadReactor<v1::WaitEvent> {
 public:
  // Opens the stream. The channel of `client` must stay open while it lasts.
  WaitCall(StubClient& client, const AcquireArgs& args);

  // Cancels the call if it has not ended, and waits for its end.
  ~WaitCall() override;
  WaitCall(const WaitCall&) = delete;
  WaitCall& operator=(const WaitCall&) = delete;

  // True once it has happened; false if the stream has ended without it or
  // `limit` has passed.
  bool AwaitQueued(std::chrono::milliseconds limit = kWaitLimit);
  bool AwaitGranted(std::chrono::milliseconds limit = kWaitLimit);

  // How the stream ended. Code UNKNOWN: it has not ended within `limit`.
  CallStatus AwaitEnd(std::chrono::milliseconds limit = kWaitLimit);

  // Does not wait for the end.
  void Cancel() { context_.TryCancel(); }

  bool granted() const;
  bool ended() const;

  // REQUIRES: it has been queued, or granted.
  v1::WaitEvent::Queued last_queued() const;
  v1::Lease lease() const;

  // How many messages have come that said where in the queue it is.
  int queued_messages() const;

 private:
  // What may be awaited.
  struct Progress {
    bool queued = false;
    bool granted = false;
    bool ended = false;
  };

  void OnReadDone(bool ok) override EXCLUDES(mutex_);
  void OnDone(const grpc::Status& status) override EXCLUDES(mutex_);

  // Waits for `stage`, for the end or for `limit`; returns whether it came to it.
  bool Await(bool Progress::*stage, std::chrono::milliseconds limit) EXCLUDES(mutex_);

  // Constant after construction.
  const v1::AcquireRequest request_;

  // Self-synchronised by gRPC.
  grpc::ClientContext context_;

  // gRPC's alone between the start of a read and OnReadDone.
  v1::WaitEvent event_;

  mutable Mutex mutex_;
  CondVar changed_;
  Progress progress_ GUARDED_BY(mutex_);
  int queued_messages_ GUARDED_BY(mutex_) = 0;
  v1::WaitEvent::Queued last_queued_ GUARDED_BY(mutex_);
  v1::Lease lease_ GUARDED_BY(mutex_);
  CallStatus status_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_WAIT_CALL_H_
