// Ends the streams of sessions that have waited for their clients for too long: for what
// was written to be read, or for a session to be named at all.
//
// A thread looks at them four times a second, but only while there is one that waits;
// otherwise it sleeps.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_STALLED_SESSIONS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_STALLED_SESSIONS_H_

#include <thread>

#include "absl/container/flat_hash_set.h"
#include "common/mutex.h"
#include "services/common/clock.h"

namespace holdfast {

// What may stall.
class MayStall {
 public:
  // Whether it is stalled, which ends it if it has been so for too long. Called with a
  // mutex held: it must not write, nor finish anything, by itself.
  virtual bool EndIfStalled(Instant now) = 0;

  // The server stops. The engine tells those that it knows; the others end now. Called
  // as EndIfStalled.
  virtual void EndIfUnknown() = 0;

 protected:
  ~MayStall() = default;
};

// Thread-safe.
class StalledSessions {
 public:
  // `clock` says how long it has been, and must outlive this.
  explicit StalledSessions(const Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}

  // REQUIRES: all have been removed.
  ~StalledSessions();
  StalledSessions(const StalledSessions&) = delete;
  StalledSessions& operator=(const StalledSessions&) = delete;

  // To be called whenever it has stalled, and also when it is watched already. False: the
  // server stops, so nothing that the engine does not know may begin.
  bool Watch(MayStall& session);

  // Whether it was watched or not. It is not called any more when this returns.
  void Remove(MayStall& session);

  // Ends all that the engine does not know. From now on Watch returns false.
  void Stop();

 private:
  void Run();
  bool EndStalled() REQUIRES(mutex_);

  const Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  absl::flat_hash_set<MayStall*> sessions_ GUARDED_BY(mutex_);
  bool look_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_STALLED_SESSIONS_H_
