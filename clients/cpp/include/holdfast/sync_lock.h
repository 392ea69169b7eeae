// A lock for code that blocks.
//
//     holdfast::SyncLock lock(*client, "reports/2024", {.timeout = 10s, .expire = 30s});
//     {
//       absl::StatusOr<holdfast::ScopedLease> lease = lock.AcquireScoped();
//       if (!lease.ok()) return lease.status();
//       WriteReport((*lease)->fencing_token());
//     }  // Released.
//
// A lock object combines a key with options for taking the lock. Threads may share one
// object or have one each, in one process or in several: the order in which they get the
// lock is the same. Each acquire is a request of its own, with its own lease_id and place
// in the server's queue. Rules for a shared object:
//
//   * It has one lease at a time. Release, unlock, Renew, Detach and lease() apply to the
//     calling thread's own lease: the one that it acquired, until it is released. For a
//     thread without one they apply to the object's lease, whoever acquired it, so one
//     thread can take a lock and another can release it.
//   * A thread that acquires a lock that it already holds would wait for itself, so it
//     fails at once: FAILED_PRECONDITION, std::errc::resource_deadlock_would_occur from
//     lock(), false from try_lock(). A lease belongs to the thread that acquired it until
//     it is released, even if its ScopedLease is moved elsewhere or the lease is lost.
//   * A lost lease does not block the others. Its holder learns of the loss from its own
//     Release, which does not end the lease of its successor. If a thread without a lease
//     calls Release while the object has a lost one, it is unknown which lease is meant:
//     the lost one goes first, and every such Release reports the loss.
//   * Each acquire has its own timeout, stop token and reports. on_queued may run for
//     several at once if the client's executor has several threads.
//   * Destroying the object, or its client, ends its waiting acquires with CANCELLED. No
//     other call may be in progress in the object, or begin.

#ifndef HOLDFAST_SYNC_LOCK_H_
#define HOLDFAST_SYNC_LOCK_H_

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/client.h"
#include "holdfast/lease.h"
#include "holdfast/lock_options.h"
#include "holdfast/scoped_lease.h"

namespace holdfast {

// Thread-safe. Meets the standard's TimedLockable requirements, so that
// std::unique_lock<SyncLock> and std::scoped_lock work; see lock().
//
// Any function that talks to the server may also return:
// FAILED_PRECONDITION: the client was destroyed, or this is a forked child.
// UNAVAILABLE: the server could not be reached.
class SyncLock {
 public:
  SyncLock(Client& client, std::string key, LockOptions options = {});

  // Releases the lease if one is held, and waits up to half a second for the server's
  // answer. REQUIRES: other threads are at most waiting in Acquire or lock.
  ~SyncLock();

  // The new object takes over the leases and acquires of the old one, which may then only
  // be destroyed or assigned to. Assignment first closes the target, as its destructor
  // would. REQUIRES: no other thread uses either.
  SyncLock(SyncLock&& other) noexcept = default;
  SyncLock& operator=(SyncLock&& other) noexcept;

  const std::string& key() const;
  Duration timeout() const;
  std::optional<Duration> expire() const;
  const Tags& tags() const;

  // Whether anybody holds the lock.
  absl::StatusOr<bool> Locked() const;

  // Takes the lock: blocks until it is granted, the timeout has passed or `stop` is
  // requested. First come, first served.
  //
  // ABORTED, kLockHeld: the timeout is zero and somebody holds the lock.
  // DEADLINE_EXCEEDED, kWaitTimeout: somebody held it for the whole timeout.
  // UNAVAILABLE: the timeout, or the client's connect_timeout, passed while the server
  //   could not be reached.
  // CANCELLED: `stop` was requested, or the client destroyed.
  // PERMISSION_DENIED: the Unix socket is closed to this user.
  // FAILED_PRECONDITION: this thread already holds it through this object; kLeaseExpired:
  //   `expire` is shorter than the round trip to the server.
  // INVALID_ARGUMENT, RESOURCE_EXHAUSTED: the server refused the request.
  absl::StatusOr<Lease> Acquire(std::stop_token stop = {});

  // As Acquire, but the lease is released at the end of the scope.
  absl::StatusOr<ScopedLease> AcquireScoped(std::stop_token stop = {});

  // Makes the calling thread's lease last `expire` from now; or the object's, if the thread
  // has none.
  //
  // FAILED_PRECONDITION, NOT_FOUND: the lease is lost, or none is held.
  absl::Status Renew();

  // Ends the calling thread's lease; or the object's, if the thread has none. Whatever it
  // returns, this object no longer holds that lease.
  //
  // OK: the server counted the lease as held until now.
  // FAILED_PRECONDITION: no lease is held through this object; kLeaseExpired, kLeaseForced:
  //   it had already ended, and somebody else may have had the lock.
  // NOT_FOUND, kLeaseNotFound: the server does not know the lease.
  // UNAVAILABLE: no answer within the client's call_timeout. The release is retried in the
  //   background.
  absl::Status Release();

  // Ends this lease, whichever thread acquired it. FAILED_PRECONDITION also if it has
  // already been released or detached, or was acquired through another object.
  absl::Status Release(const Lease& lease);

  // Gives up the lease but leaves the lock taken, until the lease expires or somebody
  // releases it by its lease_id, perhaps in another process. The lease is no longer renewed
  // and its loss is not signalled, but the Lease still knows its deadline. Does not contact
  // the server. Chooses the lease as Release does. Whatever it returns, this object no
  // longer holds that lease.
  //
  // FAILED_PRECONDITION: no lease is held through this object.
  // Lease::status(), if it is lost.
  absl::StatusOr<Lease> Detach();

  // The calling thread's lease, lost or not; or the object's latest, if the thread has
  // none. Absent in a forked child.
  std::optional<Lease> lease() const;

  // --- For std::unique_lock and its like -----------------------------------------

  // As Acquire. Throws std::system_error if that fails, because the standard leaves no
  // other way to report it; nothing else in this library throws. The code is one of
  // std::errc: timed_out (it stayed held), host_unreachable, resource_deadlock_would_occur
  // (this thread already holds it), permission_denied, invalid_argument,
  // operation_canceled, operation_not_permitted, resource_unavailable_try_again (the server
  // is full).
  void lock();

  // False if the lock could not be taken, for any reason.
  bool try_lock();

  template <typename Rep, typename Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
    return TryLockFor(ToTimeout(timeout));
  }

  template <typename Clock, typename Dur>
  bool try_lock_until(const std::chrono::time_point<Clock, Dur>& deadline) {
    const auto now = Clock::now();
    // Subtracting the earliest possible time from now would overflow.
    return TryLockFor(deadline <= now ? Duration::zero() : ToTimeout(deadline - now));
  }

  // As Release, but waits at most half a second for the server's answer.
  void unlock();

  // The result of the last lock, try_lock, try_lock_for, try_lock_until or unlock, on any
  // thread.
  absl::Status last_status() const;

 private:
  // Rounds up, and never below zero.
  template <typename Rep, typename Period>
  static Duration ToTimeout(const std::chrono::duration<Rep, Period>& timeout) {
    using Span = std::chrono::duration<Rep, Period>;
    if (timeout <= Span::zero()) return Duration::zero();
    constexpr double kNanosecondsPerTick =
        1e9 * static_cast<double>(Period::num) / static_cast<double>(Period::den);
    if (static_cast<double>(timeout.count()) * kNanosecondsPerTick >= 9.2e18) return kForever;
    return std::chrono::ceil<Duration>(timeout);
  }

  bool TryLockFor(Duration timeout);
  void Close() noexcept;

  std::shared_ptr<core::LockCore> core_;  // Null when moved from.
};

}  // namespace holdfast

#endif  // HOLDFAST_SYNC_LOCK_H_
