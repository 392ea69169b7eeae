// The engine: one thread that owns the lock table, and the mailbox in front of
// it.
//
// Any thread hands in commands. The engine's thread takes all that wait, applies
// them to the table, commits what changed as one batch, and only then tells the
// outcomes. While a batch is on its way to the disk the next one gathers, so the
// price of a sync is shared by all who wait for it.
//
// Nothing is told before it is durable, reads included: they are answered with
// the batch that they were read in, so nobody sees what a crash could take back.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_

#include <atomic>
#include <functional>
#include <memory>
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

// Whoever waits for the outcome of a call. Must stay alive until it has been
// given a final outcome; the engine does not touch it after that.
class CallListener {
 public:
  // Called on the engine's thread, or within Submit. Must not block: every other
  // call waits meanwhile. May call Submit, Cancel and ReportUndelivered.
  virtual void OnOutcome(Outcome outcome) = 0;

 protected:
  ~CallListener() = default;
};

// Thread-safe, but for Start, Drain and Stop, which are called one after the other, in
// this order and each at most once.
class LockEngine {
 public:
  // `on_fatal` is called on the engine's thread when a commit has failed. It
  // should end the process; if it returns, the engine answers nothing any more.
  LockEngine(const Limits& limits, const Clock& clock,
             std::function<void(const absl::Status&)> on_fatal);
  ~LockEngine();
  LockEngine(const LockEngine&) = delete;
  LockEngine& operator=(const LockEngine&) = delete;

  // Loads what `store` holds and begins to serve. Until it returns OK, commands
  // are refused with Refusal::kStarting. Errors are those of LockStore::Load;
  // CANCELLED after AbandonStart.
  absl::Status Start(std::unique_ptr<LockStore> store);

  // Nobody wants what Start, in another thread, is loading, or will be: from now on
  // commands are refused with kStopping. Start itself goes on to its end. False: too
  // late, the engine serves or has stopped, and nothing was done.
  bool AbandonStart();

  // Hands in a command. `listener` gets exactly one final outcome, possibly
  // before Submit returns. Refused at once with kStarting, kStopping or
  // kLimitExceeded (the mailbox is full).
  CallId Submit(CommandBody body, CallListener* listener);

  // The caller of `call` has gone. Its listener still gets its final outcome:
  // kCancelled, or another one that was on its way.
  void Cancel(CallId call);

  // The caller of `call`, which watches, is ready for the next page of the snapshot.
  void ContinueWatch(CallId call);

  // The caller did not get its Granted outcome: unless it comes back with the
  // same lease_id within the re-attach window, the lease is released.
  void ReportUndelivered(UndeliveredCommand grant);

  // From now on commands are refused with kStopping, and every call that waits or
  // watches is answered so. Returns when those answers have been handed to their listeners.
  void Drain();

  // Ends the thread. Commands that are still in the mailbox are answered first,
  // but calls that wait are not: Drain answers those.
  void Stop();

  // The clock that commands are stamped with.
  const Clock& clock() const { return clock_; }

  // What is in the table, as of the last turn. For tests and metrics.
  TableStats stats() const;

 private:
  enum class State { kStarting, kServing, kDraining, kStopped };

  void Run();
  void BeatUntilStopped();
  absl::Status RunTurn(std::vector<Mailbox::Item>& items);
  void Deliver(std::vector<Delivery>& deliveries);
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

  // The engine thread's own.
  std::unique_ptr<LockStore> store_;
  std::unique_ptr<TurnRunner> runner_;
  absl::flat_hash_map<CallId, CallListener*> listeners_;

  std::thread thread_;

  // Tells a turn that is slow from a process that was stopped (stall_guard.h).
  Mutex heart_mutex_;
  CondVar heart_stops_;
  bool heart_stopped_ GUARDED_BY(heart_mutex_) = false;
  std::thread heart_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_ENGINE_H_
