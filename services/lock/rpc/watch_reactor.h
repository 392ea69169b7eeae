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

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_

#include <cstddef>
#include <deque>
#include <optional>

#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/permission.h"
#include "services/lock/rpc/server_call.h"
#include "services/lock/rpc/stream_call.h"
#include "services/lock/rpc/unary_call.h"
#include "services/lock/rpc/watch_event.h"
#include "services/lock/rpc/worker_thread.h"

namespace holdfast {

// What all Watch calls share. Outlives them.
struct WatchWriting {
  WatchEvents events;   // For whoever has the engine's turn.
  WorkerThread thread;  // Writes, so that the engine's thread has no more to do for each
                        // watch than to hand over.
};

class WatchReactor final : public StreamCall<WriteServerCall, WatchMessage>, private CallListener {
 public:
  // A message carries at most this many events, which keeps it below a megabyte.
  static constexpr std::size_t kEventsPerMessage = 256;

  // `max_backlog`: events that may gather. More than a page of a snapshot, or no
  // watch could ever begin. The others must outlive it.
  WatchReactor(const CallStarter& starter, OpenStreams& open_watches, WatchWriting& writing,
               std::size_t max_backlog)
      : engine_(starter.engine()),
        starter_(starter),
        open_watches_(open_watches),
        writing_(writing),
        max_backlog_(max_backlog) {}

 private:
  ~WatchReactor() override = default;

  void OnStart() override;

  // CallListener, on any thread.
  void OnOutcome(Outcome outcome) override;

  void OnCancel() override;
  void OnDone() override;

  void Gather(const Watched& watched) REQUIRES(mutex_);
  void CancelIfOverflowed() REQUIRES(mutex_);
  Step NextStep() override REQUIRES(mutex_);
  WatchMessage TakeMessage() REQUIRES(mutex_);

  LockEngine& engine_;
  const CallStarter& starter_;
  OpenStreams& open_watches_;
  WatchWriting& writing_;
  const std::size_t max_backlog_;
  OpenStreams::Place place_;  // Set by OnStart.

  std::optional<CallId> call_id_ GUARDED_BY(mutex_);
  CallerIdentity caller_ GUARDED_BY(mutex_);
  bool rules_changed_ GUARDED_BY(mutex_) = false;  // Then `overflowed_` too: it ends alike.
  bool overflowed_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;  // Because it overflowed.
  std::deque<SharedWatchEvent> backlog_ GUARDED_BY(mutex_);
  // Set while the next page is to be asked for: how much of the backlog comes before
  // the end of the last one.
  std::optional<std::size_t> rest_of_page_ GUARDED_BY(mutex_);
  std::optional<Refused> final_ GUARDED_BY(mutex_);  // Not carried out yet.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WATCH_REACTOR_H_
