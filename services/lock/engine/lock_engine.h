// The engine: the lock table, the mailbox in front of it, and a thread.
//
// Any thread may submit commands. One thread at a time has the turn: it takes all that
// are waiting, applies them to the table, commits the changes as one batch, and only
// then delivers the outcomes. While one batch is being written, the next one collects,
// so all of its callers share the cost of one sync.
//
// The turn is the engine's thread's, which also fires the timers, unless a thread that
// has submitted something takes it: that saves waking the engine's thread. Where there is
// a disk to wait for it does so for a few commands on a quick disk; else the engine's
// thread does the commit, and the other one goes on.
//
// Nothing is answered before it is durable. That includes reads: they are answered
// together with the batch in which they were read, so nobody sees anything that a
// crash could undo.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/mutex.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/mailbox.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/turn.h"

namespace holdfast {

// Receives the outcomes of a call. Must stay alive until it has received a final
// outcome; the engine does not touch it after that.
class CallListener {
 public:
  // Called on the engine's thread, or within Submit or TakeTurn. Must not block, because
  // that blocks every other call. May call Submit, Cancel and ReportUndelivered.
  virtual void OnOutcome(Outcome outcome) = 0;

 protected:
  ~CallListener() = default;
};

// What a session's stream sends the engine, but for its first message.
struct SessionOperation {
  std::uint64_t id = 0;  // Repeated by the outcomes. 0: of what has no outcome.
  CommandBody body;
};

struct SessionOutcome {
  std::uint64_t operation = 0;  // 0: about none.
  // Increases by one from 1 within the stream; see AcknowledgeCommand.
  std::uint64_t number = 0;
  Outcome outcome;
};

// Receives the outcomes of a stream and of all of its operations. Must stay alive until
// OnEnded; the engine does not touch it after that.
class SessionListener {
 public:
  // What one turn of the engine has for the stream, in order. Called on the engine's
  // thread, or within TakeTurn. Must not block. May call SubmitOperations and EndStream.
  virtual void OnOutcomes(std::vector<SessionOutcome> outcomes) = 0;

  // The stream's final outcome: kSessionReplaced, kStopping, kStarting, kLimitExceeded,
  // or kCancelled after EndStream. Operations without an answer get none. Called once, on
  // the engine's thread, or within OpenStream or TakeTurn.
  virtual void OnEnded(const Refused& reason) = 0;

 protected:
  ~SessionListener() = default;
};

// Thread-safe, except for Start, Drain and Stop, which are called one after the
// other, in this order, at most once each.
class LockEngine {
 public:
  // `on_fatal` is called by whoever has the turn when a commit has failed. It should
  // end the process; if it returns, the engine no longer answers anything.
  LockEngine(const Limits& limits, const Clock& clock,
             std::function<void(const absl::Status&)> on_fatal);
  ~LockEngine();
  LockEngine(const LockEngine&) = delete;
  LockEngine& operator=(const LockEngine&) = delete;

  // Loads the records of `store` and starts serving. Until it returns OK, commands
  // are refused with Refusal::kStarting. Errors are those of LockStore::Load;
  // CANCELLED after AbandonStart.
  absl::Status Start(std::unique_ptr<LockStore> store);

  // Abandons a Start that runs, or will run, on another thread: from now on commands
  // are refused with kStopping. Start itself still runs to its end. False: too late,
  // the engine is serving or has stopped, and nothing was changed.
  bool AbandonStart();

  // When the engine begins with what is submitted, at the latest.
  enum class Begin {
    kNow,
    kAtTakeTurn,  // Which the same thread calls soon: once for all that it has submitted.
  };

  // Submits a command. `listener` gets exactly one final outcome, possibly before
  // Submit returns. Refused at once with kStarting, kStopping or kLimitExceeded (the
  // mailbox is full).
  CallId Submit(CommandBody body, CallListener* listener, Begin begin = Begin::kNow);

  // Runs the engine on this thread if it has something to do and nobody else does it. Waits
  // for the disk where that takes less than to have the engine's thread do it, as far as the
  // store can tell. May deliver outcomes to any listener: REQUIRES: the caller
  // holds no lock that a listener takes.
  void TakeTurn();

  // The caller of `call` has gone. Its listener still gets a final outcome:
  // kCancelled, or one that was already on its way.
  void Cancel(CallId call);

  // The watch `call` is ready for the next page of its snapshot.
  void ContinueWatch(CallId call);

  // The caller did not receive its Granted outcome. Unless it comes back with the
  // same lease_id within the reattach window, the lease is released.
  void ReportUndelivered(UndeliveredCommand grant);

  // Opens a stream of a session. `operation` is repeated by its Attached outcome. Refused
  // at once as by Submit.
  CallId OpenStream(AttachCommand first_page, std::uint64_t operation, SessionListener* listener,
                    Begin begin = Begin::kNow);

  // Submits operations of a stream: all of one message together, so that they take the
  // mailbox's lock once. False: the mailbox is full, and they are unchanged. That cannot
  // happen if there is nothing but what has no outcome among them; a page counts as having
  // one. After the stream's end they are dropped.
  bool SubmitOperations(CallId stream, std::vector<SessionOperation>& operations,
                        Begin begin = Begin::kNow);

  // The stream has ended. Its listener still gets OnEnded, with kCancelled or what was
  // already on its way. `by_client`, `sent_through`: see EndStreamCommand.
  void EndStream(CallId stream, bool by_client,
                 std::uint64_t sent_through = EndStreamCommand::kAllSent);

  // From now on commands are refused with kStopping, and every waiting or watching
  // call and every session's stream is answered with it. Returns when their listeners have those
  // answers.
  void Drain();

  // Ends the thread and closes the store. Commands still in the mailbox are answered first, but not
  // waiting calls: Drain answers those. TakeTurn does nothing any more.
  void Stop();

  // The clock for the timestamps in commands.
  const Clock& clock() const { return clock_; }

  // The table's contents as of the last turn. For tests and metrics.
  TableStats stats() const;

 private:
  enum class State { kStarting, kServing, kDraining, kStopped };

  struct OpenStreamState {
    SessionListener* listener = nullptr;
    std::vector<SessionOutcome> outcomes;  // Of this turn, not delivered yet.
  };

  // Absent: it is in the mailbox.
  std::optional<Refused> Put(Mailbox::Item item, Begin begin);

  void Run();
  void BeatUntilStopped();
  void BeginTurn();
  bool MayCommitHere() const;
  bool FinishTurn();
  Instant NextTurn() const;
  void Deliver();
  void CollectForStream(Delivery& delivery);
  void DeliverToStreams();
  void PublishStats();

  // Constant after construction.
  const Limits limits_;
  const Clock& clock_;
  const std::function<void(const absl::Status&)> on_fatal_;

  // Self-synchronised.
  std::atomic<State> state_{State::kStarting};
  std::atomic<std::uint64_t> next_call_{1};
  Mailbox mailbox_;
  mutable Mutex stats_mutex_;
  TableStats stats_ GUARDED_BY(stats_mutex_);

  // Used by whoever has the turn.
  std::vector<Mailbox::Item> items_;
  std::vector<Command> commands_;
  std::vector<Delivery> deliveries_;
  Instant last_turn_;  // Its end.
  std::unique_ptr<LockStore> store_;
  std::unique_ptr<TurnRunner> runner_;
  absl::flat_hash_map<CallId, CallListener*> listeners_;
  absl::flat_hash_map<CallId, OpenStreamState> streams_;
  std::vector<CallId> streams_told_;  // In this turn.

  std::thread thread_;

  // Distinguishes a slow turn from a process that was stopped (stall_guard.h).
  Mutex heart_mutex_;
  CondVar heart_stops_;
  bool heart_stopped_ GUARDED_BY(heart_mutex_) = false;
  std::thread heart_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_
