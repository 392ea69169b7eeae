// One Watch call: a stream of what happens to leases.
//
// Events gather while a write is under way, and the next write takes all of them
// that fit into one message. A client that reads more slowly than things happen
// would make the backlog grow without end, so past a limit what has gathered is
// dropped, and the stream ends with LIMIT_EXCEEDED behind the write that is under
// way: until the client reads that one, the stream stays open, and counts as such,
// but costs no more than the one message.
//
// The pages of the snapshot are asked for one by one, each when the one before has
// been written, whatever else has gathered behind it.
//
// Life: as of UnaryReactor (unary_call.h). Thread-safe in what gRPC and the engine call.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "common/mutex.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/open_streams.h"

namespace holdfast {

class WatchReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, private CallListener {
 public:
  // A message carries at most this many events, which keeps it below a megabyte.
  static constexpr std::size_t kEventsPerMessage = 256;

  // `max_backlog`: events that may gather. More than a page of a snapshot, or no
  // watch could ever begin.
  WatchReactor(LockEngine& engine, std::size_t max_backlog)
      : engine_(engine), max_backlog_(max_backlog) {}

  // Answers without the engine.
  void Reject(const grpc::Status& status) { Finish(status); }

  // Hands `command` to the engine. `open_streams` has been opened for this call,
  // which closes it.
  void Submit(WatchCommand command, OpenStreams& open_streams);

 private:
  // What is to be done next.
  struct Step {
    std::vector<SharedLeaseEvent> write;
    std::optional<grpc::Status> finish;
    bool next_page = false;
    bool cancel = false;
  };

  ~WatchReactor() override = default;

  // CallListener, on the engine's thread.
  void OnOutcome(Outcome outcome) override;

  // grpc::ServerWriteReactor, on gRPC's threads.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void Gather(Watched watched) REQUIRES(mutex_);
  Step TakeStep() REQUIRES(mutex_);
  std::vector<SharedLeaseEvent> TakeMessage() REQUIRES(mutex_);

  // The object may be gone when it returns. REQUIRES: call_id is known if the step
  // is for the engine.
  void Carry(Step step, std::optional<CallId> call_id);

  LockEngine& engine_;
  const std::size_t max_backlog_;
  OpenStreams* open_streams_ = nullptr;  // Set by Submit.
  grpc::ByteBuffer bytes_;               // Of the write that is under way.

  Mutex mutex_;
  std::optional<CallId> call_id_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool broken_ GUARDED_BY(mutex_) = false;  // Nothing can be written any more.
  bool overflowed_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;  // Because it overflowed.
  std::deque<SharedLeaseEvent> backlog_ GUARDED_BY(mutex_);
  // Set while the next page is to be asked for: how much of the backlog comes before
  // the end of the last one.
  std::optional<std::size_t> rest_of_page_ GUARDED_BY(mutex_);
  std::optional<Refused> final_ GUARDED_BY(mutex_);  // Not carried out yet.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_
