// What SyncLock and AsyncLock have in common: one lock object, shared by as many as like.
//
// Each acquire is a request of its own, with its own lease_id and place in the server's
// queue, so those who share the object take turns as if each had an object of its own.
//
//     Acquire ──▶ acquiring (any number) ──granted──▶ held ──Release, Detach──▶ gone
//                     └───────failed, cancelled──▶ gone
//
// The object has one lease at a time, but for those that were lost: such a one stays until
// it is released, so that a loss cannot be overlooked; and it is in nobody's way. When
// there are several, whoever is known (a thread) means its own. Whoever is not known
// (a coroutine, or a thread that releases for another) means the oldest: so that a holder
// who comes late, after its lease was lost, does not end the lease of its successor.
//
// Invariants: of the leases that are held, all but the one with the largest token are
// lost. A lock is active in its client for as long as it acquires or holds something.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_driver.h"
#include "clients/cpp/core/queued_callback.h"
#include "clients/cpp/core/runtime.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lock_options.h"
#include "holdfast/time.h"

namespace holdfast::core {

class ClientCore;

// Any of these ends an acquire.
using StopTokens = std::array<std::stop_token, 2>;

// Whose lease: a thread, or kNobodyKnown.
using Holder = ThreadNumber;
inline constexpr Holder kNobodyKnown = 0;

// How an acquire is to go about it.
struct AcquireCall {
  Duration timeout{};
  Holder holder = kNobodyKnown;
  StopTokens stop{};
  std::shared_ptr<QueuedCallback> reporter{};  // May be null.
};

// Thread-safe. Each `done` is called once, in a task: it must be short, and must
// not run the user's code.
class LockCore : public std::enable_shared_from_this<LockCore> {
 public:
  LockCore(std::shared_ptr<ClientCore> client, std::string key, LockOptions options);

  const std::string& key() const { return spec_->key; }
  const LockOptions& options() const { return options_; }
  ClientCore& client() const { return *client_; }

  // Reports to the options' on_queued. Null if there is none.
  std::shared_ptr<QueuedCallback> NewReporter() const;

  // The lease that `holder` acquired and has not released, or null. REQUIRES: it is known.
  std::shared_ptr<LeaseCore> OwnLease(Holder holder) const;

  // The holder's own lease, or else the latest; or null, as always in a forked child.
  std::shared_ptr<LeaseCore> lease(Holder holder = kNobodyKnown) const;

  void Acquire(AcquireCall call, absl::AnyInvocable<void(AcquireResult)> done);

  // Renews the holder's own lease, or else the latest.
  void Renew(absl::AnyInvocable<void(absl::Status)> done, Holder holder = kNobodyKnown);

  // Releases the holder's own lease, or else the oldest. If that was one of several, it is
  // not certain whose it was: then those that remain are not released with OK any more by
  // those who are not known, for it may be they who have not heard yet of the loss.
  void Release(absl::AnyInvocable<void(absl::Status)> done, Holder holder = kNobodyKnown);

  // Releases this lease. FAILED_PRECONDITION: it is not held through this object.
  void ReleaseOnly(std::shared_ptr<LeaseCore> lease, absl::AnyInvocable<void(absl::Status)> done);

  // Forgets the lease that Release would release, and leaves it on the server. The lease;
  // or why it was lost, and is forgotten all the same; or FAILED_PRECONDITION: none is held.
  void Detach(absl::AnyInvocable<void(AcquireResult)> done, Holder holder = kNobodyKnown);

  // The lock's owner is going away: ends the acquires that are under way, and releases
  // what is held. Calls `done` when nothing is held, on the server either.
  void Close(absl::AnyInvocable<void(absl::Status)> done);

  // How the last call of those that cannot say so themselves ended.
  absl::Status last_status() const;
  void set_last_status(absl::Status status);

  // The client is going away: ends the acquires that are under way, and signals the loss
  // of what is held; Close will release it. REQUIRES: in a task.
  void OnClientClosing();

 private:
  // An acquire that is under way.
  struct Acquiring {
    Holder holder = kNobodyKnown;
    std::shared_ptr<QueuedCallback> reporter;  // May be null.
    std::list<std::stop_callback<std::function<void()>>> on_stop;
  };

  // A lease that was granted and not yet released, be it lost or not.
  struct Held {
    ClaimId claim = 0;
    std::shared_ptr<LeaseCore> lease;
    Holder holder = kNobodyKnown;
    absl::Status in_doubt{};  // See Release: the loss that may be this one's.
  };
  using HeldList = std::list<Held>;  // By rising token, which is from the oldest to the latest.

  // Each runs in a task.
  void BeginAcquire(const AcquireCall& call, absl::AnyInvocable<void(AcquireResult)> done);
  absl::Status CheckAcquire(const AcquireCall& call) const;
  LeaseDriver::AcquireEvents MakeEvents(const AcquireCall& call,
                                        std::shared_ptr<const ClaimId> claim,
                                        absl::AnyInvocable<void(AcquireResult)> done);
  void OnAcquired(ClaimId claim, const AcquireResult& result);
  void Keep(ClaimId claim, std::shared_ptr<LeaseCore> lease, Holder holder);
  HeldList::iterator Own(Holder holder);
  Held TakeOwnOrOldest(Holder holder);
  Held Take(HeldList::iterator held);
  void ReleaseTaken(const Held& taken, absl::AnyInvocable<void(absl::Status)> done);
  void OnHeldChanged();
  void UpdateActive();
  absl::Status NotHeld() const;
  void CancelAcquires(const absl::Status& why);

  const std::shared_ptr<ClientCore> client_;
  const LockOptions options_;
  const std::shared_ptr<const AcquireSpec> spec_;

  // Touched in tasks alone.
  std::map<ClaimId, Acquiring> acquiring_;
  HeldList held_;

  mutable Mutex mutex_;
  // As held_.
  std::vector<std::pair<Holder, std::shared_ptr<LeaseCore>>> leases_ GUARDED_BY(mutex_);
  absl::Status last_status_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_
