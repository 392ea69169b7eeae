// A lock for code that does not block: coroutines and callbacks.
//
//     Task WriteReport(holdfast::Client& client) {
//       holdfast::AsyncLock lock(client, "reports/2024", {.timeout = 10s, .expire = 30s});
//       absl::StatusOr<holdfast::ScopedLease> lease = co_await lock.AcquireScoped();
//       if (!lease.ok()) co_return lease.status();
//       ...
//     }
//
// Task is any coroutine type: the library brings none, and asks nothing of yours.
// A waiting acquire costs memory, but no thread.
//
// Callbacks and coroutines run on the client's callback thread, one at a time,
// unless ClientOptions::executor says otherwise. While one of them blocks, the
// others wait; renewals and the loss of leases do not.
//
// An object may be shared, by coroutines, callbacks and threads, as SyncLock may, and each
// acquire is a request of its own. But coroutines have no identity that could tell the
// holder from the others. So:
//
//   * Whoever acquires again what it holds itself waits for itself, until the timeout.
//   * Release, Renew, Detach and lease() are about the object's lease, whoever acquired it.
//   * If a lease was lost and another coroutine has been granted the lock since, Release
//     and Detach mean the lost one first: its holder may come late, and must not end the
//     lease of its successor. Every Release then tells of the loss, until none is held.
//     ScopedLease and Release(lease) say which lease they mean, and are not in doubt:
//     prefer them where an object is shared.

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

// `co_await lock.Acquire()` gives an absl::StatusOr<Lease>. An acquire whose
// coroutine was destroyed meanwhile is undone, even if it was granted.
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

  // Cancels the acquires that are under way, and starts to release a lease that is
  // held. Waits for neither; the callbacks come all the same.
  ~AsyncLock();

  // As for SyncLock.
  AsyncLock(AsyncLock&& other) noexcept = default;
  AsyncLock& operator=(AsyncLock&& other) noexcept;

  const std::string& key() const;
  Duration timeout() const;
  std::optional<Duration> expire() const;
  const Tags& tags() const;

  // The latest lease that is held through this object, be it lost or not.
  std::optional<Lease> lease() const;

  // See SyncLock. Returns at once, because no server is asked.
  absl::StatusOr<Lease> Detach();

  // --- For coroutines --------------------------------------------------------------

  // Requesting `stop` leaves the queue and gives CANCELLED.
  AcquireAwaitable Acquire(std::stop_token stop = {});

  // As Acquire; the lease is released at the end of the scope, without waiting for
  // the server.
  Awaitable<absl::StatusOr<ScopedLease>> AcquireScoped(std::stop_token stop = {});

  Awaitable<absl::Status> Renew();
  Awaitable<absl::Status> Release();
  Awaitable<absl::Status> Release(Lease lease);
  Awaitable<absl::StatusOr<bool>> Locked();

  // --- For callbacks ---------------------------------------------------------------
  // Each calls `done` once, and never before it has returned control to the caller's
  // thread's executor: that is, never from within the call itself.

  void AcquireThen(absl::AnyInvocable<void(absl::StatusOr<Lease>)> done, std::stop_token stop = {});
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
