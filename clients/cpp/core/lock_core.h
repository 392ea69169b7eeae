// What SyncLock and AsyncLock have in common: one lock, taken by one holder at a
// time.
//
//     idle ──Acquire──▶ acquiring ──granted──▶ held ──Release, Detach──▶ idle
//       ▲───────failed, cancelled──┘
//
// A lease that was lost stays with its lock until it is released, so that a loss
// cannot be overlooked by acquiring anew.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/acquire_op.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_keeper.h"
#include "clients/cpp/core/queued_callback.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lock_options.h"
#include "holdfast/time.h"

namespace holdfast::core {

class ClientCore;

using AcquireResult = absl::StatusOr<std::shared_ptr<LeaseCore>>;

// Any of these ends an acquire.
using StopTokens = std::array<std::stop_token, 2>;

// How an acquire is to go about it.
struct AcquireCall {
  Duration timeout{};
  StopTokens stop{};
  std::shared_ptr<QueuedCallback> reporter{};  // May be null.
};

// Thread-safe. Each `done` is called once, in a task: it must be short, and must
// not run the user's code.
class LockCore : public std::enable_shared_from_this<LockCore> {
 public:
  LockCore(std::shared_ptr<ClientCore> client, std::string key, LockOptions options);

  const std::string& key() const { return spec_.key; }
  const LockOptions& options() const { return options_; }
  ClientCore& client() const { return *client_; }

  // Reports to the options' on_queued. Null if there is none.
  std::shared_ptr<QueuedCallback> NewReporter() const;

  // The lease that is held, or null.
  std::shared_ptr<LeaseCore> lease() const;

  void Acquire(AcquireCall call, absl::AnyInvocable<void(AcquireResult)> done);
  void Renew(absl::AnyInvocable<void(absl::Status)> done);
  void Release(absl::AnyInvocable<void(absl::Status)> done);

  // As Release; but OK, and without effect, if `lease` is not the one that is held.
  void ReleaseOnly(std::shared_ptr<LeaseCore> lease, absl::AnyInvocable<void(absl::Status)> done);

  // Forgets the lease that is held, and leaves it on the server. The lease; or why it was
  // lost, and is forgotten all the same; or FAILED_PRECONDITION: none is held.
  void Detach(absl::AnyInvocable<void(AcquireResult)> done);

  // The lock's owner is going away: ends an acquire that is under way, and releases
  // what is held. Calls `done` when nothing is held, on the server either.
  void Close(absl::AnyInvocable<void(absl::Status)> done);

  // How the last call of those that cannot say so themselves ended.
  absl::Status last_status() const;
  void set_last_status(absl::Status status);

  // The client is going away: ends an acquire that is under way, and signals the loss
  // of a lease that is held; Close will release it. REQUIRES: in a task.
  void OnClientClosing();

 private:
  // An acquire that is under way.
  struct Acquiring {
    std::shared_ptr<AcquireOp> op;
    std::shared_ptr<QueuedCallback> reporter;  // May be null.
    std::list<std::stop_callback<std::function<void()>>> on_stop;
  };

  // Each runs in a task.
  void BeginAcquire(const AcquireCall& call, absl::AnyInvocable<void(AcquireResult)> done);
  absl::Status CheckAcquire(const AcquireCall& call) const;
  AcquireOp::Hooks MakeHooks(absl::AnyInvocable<void(AcquireResult)> done);
  void OnAcquired(const AcquireResult& result);
  void BeginRelease(absl::AnyInvocable<void(absl::Status)> done);
  std::shared_ptr<LeaseCore> ForgetLease();
  absl::Status NotHeld() const;
  void CancelAcquire(const absl::Status& why);

  const std::shared_ptr<ClientCore> client_;
  const LockOptions options_;
  const AcquireSpec spec_;

  // Touched in tasks alone. At most one of the two is not null.
  std::unique_ptr<Acquiring> acquiring_;
  std::shared_ptr<LeaseKeeper> keeper_;

  mutable Mutex mutex_;
  std::shared_ptr<LeaseCore> lease_ GUARDED_BY(mutex_);  // As keeper_'s.
  absl::Status last_status_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LOCK_CORE_H_
