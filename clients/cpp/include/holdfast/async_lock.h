// A lock for code that does not block: coroutines and callbacks.
//
//     Task WriteReport(holdfast::Client& client) {
//       holdfast::AsyncLock lock(client, "reports/2024", {.timeout = 10s, .expire = 30s});
//       absl::StatusOr<holdfast::ScopedLease> lease = co_await lock.AcquireScoped();
//       if (!lease.ok()) co_return lease.status();
//       ...
//     }
//
// Task is any coroutine type of yours; the library brings none and requires nothing
// of it. A waiting acquire costs memory, but no thread.
//
// Callbacks and coroutines run on the client's callback thread, one at a time, unless
// ClientOptions::executor says otherwise. One that blocks holds up the others, but
// not renewals or lost signals.
//
// Coroutines, callbacks and threads may share an object, as with SyncLock, and each
// acquire is a request of its own. But a coroutine has no identity that would
// distinguish the holder from the others. So:
//
//   * A coroutine that acquires a lock that it already holds waits until the timeout.
//   * Release, Renew, Detach and lease() are about the object's lease, whoever acquired it.
//   * If a lease was lost and another coroutine has been granted the lock since,
//     Release and Detach apply to the lost lease first: its holder may come late, and
//     must not end its successor's lease. Every Release then reports the loss until
//     no lease is left. ScopedLease and Release(lease) name their lease and are
//     unambiguous; prefer them for shared objects.

#ifndef HOLDFAST_ASYNC_LOCK_H_
#define HOLDFAST_ASYNC_LOCK_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/awaitable.h"
#include "holdfast/client.h"
#include "holdfast/lease.h"
#include "holdfast/lock_options.h"
#include "holdfast/scoped_lease.h"

namespace holdfast {

// `co_await lock.Acquire()` gives an absl::StatusOr<Lease>. If the coroutine is
// destroyed meanwhile, the acquire is undone, even if it was granted.
class [[nodiscard]] AcquireAwaitable {
 public:
  explicit AcquireAwaitable(Awaitable<absl::StatusOr<ScopedLease>> scoped)
      : scoped_(std::move(scoped)) {}

  bool await_ready() const noexcept { return scoped_.await_ready(); }
  void await_suspend(std::coroutine_handle<> coroutine) { scoped_.await_suspend(coroutine); }
  absl::StatusOr<Lease> await_resume();

 private:
  Awaitable<absl::StatusOr<ScopedLease>> scoped_;
};

// Thread-safe. Errors are those of SyncLock's functions of the same name.
class AsyncLock {
 public:
  AsyncLock(Client& client, std::string key, LockOptions options = {});

  // Cancels pending acquires, and starts to release a lease that is held. Waits for
  // neither; their callbacks are still called.
  ~AsyncLock();

  // As for SyncLock.
  AsyncLock(AsyncLock&& other) noexcept = default;
  AsyncLock& operator=(AsyncLock&& other) noexcept;

  const std::string& key() const;
  Duration timeout() const;
  std::optional<Duration> expire() const;
  const Tags& tags() const;

  // The latest lease held through this object, lost or not.
  std::optional<Lease> lease() const;

  // See SyncLock. Returns at once, because it does not contact the server.
  absl::StatusOr<Lease> Detach();

  // --- For coroutines --------------------------------------------------------------

  // Requesting `stop` leaves the queue; the result is CANCELLED.
  AcquireAwaitable Acquire(std::stop_token stop = {});

  // As Acquire; the lease is released at the end of the scope, without waiting for
  // the server.
  Awaitable<absl::StatusOr<ScopedLease>> AcquireScoped(std::stop_token stop = {});

  Awaitable<absl::Status> Renew();
  Awaitable<absl::Status> Release();
  Awaitable<absl::Status> Release(Lease lease);
  Awaitable<absl::StatusOr<bool>> Locked();

  // --- For callbacks ---------------------------------------------------------------
  // Each calls `done` exactly once, on the executor, and never from within the call itself:
  // unless the client was destroyed before, or in a forked child, which have no other thread.

  void AcquireThen(absl::AnyInvocable<void(absl::StatusOr<Lease>)> done, std::stop_token stop = {});
  // As AcquireScoped. The lease may outlive the lock object.
  void AcquireScopedThen(absl::AnyInvocable<void(absl::StatusOr<ScopedLease>)> done,
                         std::stop_token stop = {});
  void RenewThen(absl::AnyInvocable<void(absl::Status)> done);
  void ReleaseThen(absl::AnyInvocable<void(absl::Status)> done);
  void ReleaseThen(const Lease& lease, absl::AnyInvocable<void(absl::Status)> done);
  void LockedThen(absl::AnyInvocable<void(absl::StatusOr<bool>)> done);

 private:
  void Close() noexcept;

  std::shared_ptr<core::LockCore> core_;  // Null when moved from.
};

}  // namespace holdfast

#endif  // HOLDFAST_ASYNC_LOCK_H_
