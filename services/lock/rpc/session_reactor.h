// One stream of a session: operations in, events out.
//
// The engine is handed all operations of a message together. What it answers gathers in
// the outbox; the engine's thread does no more than put it there, and another one writes. While
// more is unwritten than a client that reads ever lets gather, nothing is read from it:
// then it cannot ask for more either.
//
// Who ends it. The engine, when a newer stream has taken the session over or the server
// stops; this class, when the client breaks the rules or does not read; the server, when it
// cuts the connection (net/connections.h); or the client. In
// each case the engine has the last word, and the call is finished when it has told that
// the stream has ended. Only an end that nothing on this side has begun is reported as the
// client's: then its bound leases end, so it must never be a mistake.
//
// A client that takes nothing from its connection keeps the stream open although it has
// ended, because the end comes behind the write that is under way; all it costs then is
// that one message, and its place among the open streams.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SESSION_REACTOR_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SESSION_REACTOR_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "services/common/clock.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/permission.h"
#include "services/lock/rpc/server_call.h"
#include "services/lock/rpc/session_outbox.h"
#include "services/lock/rpc/session_request.h"
#include "services/lock/rpc/stalled_sessions.h"
#include "services/lock/rpc/stream_call.h"
#include "services/lock/rpc/worker_thread.h"
#include "services/net/connections.h"

namespace holdfast {

// What all streams of sessions share. Outlives them.
struct SessionSharing {
  SessionSharing(LockEngine& lock_engine, const Connections& all_connections,
                 const Callers& all_callers, std::uint32_t message_bytes, std::size_t operations)
      : engine(lock_engine),
        connections(all_connections),
        callers(all_callers),
        max_message_bytes(message_bytes),
        max_operations(operations),
        stalled(lock_engine.clock()) {}

  LockEngine& engine;
  const Connections& connections;
  const Callers& callers;
  const std::uint32_t max_message_bytes;
  const std::size_t max_operations;  // Of one stream, without an answer.
  StalledSessions stalled;
  WorkerThread writer;
};

class SessionReactor final : public StreamCall<BidiServerCall, SessionMessage>,
                             private SessionListener,
                             private MayStall {
 public:
  // While so much is unwritten, nothing more is read.
  static constexpr std::size_t kFullBytes = 256 * 1024;

  // More than that ends the stream. It takes thousands of waits that are answered, or tens
  // of thousands of leases that end, in one moment, and a client that does not read.
  static constexpr std::size_t kMostUnwrittenBytes = 4 * 1024 * 1024;

  // How long a client may take nothing from a stream that is full.
  static constexpr Duration kStallLimit = std::chrono::seconds(10);

  // How long a stream may be open without a session: as long as a connection may be
  // without a call.
  static constexpr Duration kAttachLimit = std::chrono::seconds(20);

  // Both must outlive it.
  SessionReactor(SessionSharing& shared, OpenStreams& open_streams)
      : shared_(shared),
        open_streams_(open_streams),
        open_(shared.max_operations),
        outbox_(open_, shared.max_message_bytes) {}

 private:
  // What the engine knows of the stream.
  enum class Known { kNotYet, kOpening, kOpen, kEnded };

  ~SessionReactor() override = default;

  // SessionListener, on any thread.
  void OnOutcomes(std::vector<SessionOutcome> outcomes) override;
  void OnEnded(const Refused& reason) override;

  // BidiServerCall.
  void OnStart() override;
  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // StreamCall.
  void OnWritten() override;
  Step NextStep() override REQUIRES(mutex_);

  // MayStall.
  bool EndIfStalled(Instant now) override;
  void EndIfUnknown() override;

  grpc::Status CarryOutWork(SessionWork work);
  void Open(AttachCommand first_page, std::uint64_t operation);
  void Submit(std::vector<SessionOperation> operations, std::vector<FailedOperation> failed);
  // True: that has ended the stream.
  bool Refuse(CallId stream, std::vector<SessionOperation> operations,
              std::vector<FailedOperation>& failed);
  void ReadOn();
  bool IsFull() const REQUIRES(mutex_) { return outbox_.unwritten_bytes() >= kFullBytes; }
  bool HasFilled() REQUIRES(mutex_);
  void ResumeSoon();
  void End(const grpc::Status& status, bool by_client);
  void EndedByClient(const grpc::Status& status);

  // Constant after construction, or OnStart.
  SessionSharing& shared_;
  OpenStreams& open_streams_;
  OpenStreams::Place place_;
  bool local_ = false;  // The client is at the other end of a Unix socket.
  // The one that it came on, of a client on a Unix socket. Null: it is over already.
  std::shared_ptr<const Connection> connection_;
  Instant opened_;

  OpenOperations open_;
  // One read at a time uses these.
  CallerIdentity caller_;
  grpc::ByteBuffer incoming_;
  std::optional<SessionReader> reader_;

  SessionOutbox outbox_ GUARDED_BY(mutex_);
  Known known_ GUARDED_BY(mutex_) = Known::kNotYet;
  std::optional<CallId> stream_ GUARDED_BY(mutex_);  // From kOpen on.
  // Why this side, or the client, ends the stream, before the engine does.
  std::optional<grpc::Status> own_end_ GUARDED_BY(mutex_);
  bool by_client_ GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> final_ GUARDED_BY(mutex_);  // Not carried out yet.
  bool paused_ GUARDED_BY(mutex_) = false;                // Nothing is read, because it was full.
  // Set while it is full: since when, or since when the client last took something.
  std::optional<Instant> full_since_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SESSION_REACTOR_H_
