// A lock for code that blocks.
//
//     holdfast::SyncLock lock(*client, "reports/2024", {.timeout = 10s, .expire = 30s});
//     {
//       absl::StatusOr<holdfast::ScopedLease> lease = lock.AcquireScoped();
//       if (!lease.ok()) return lease.status();
//       WriteReport((*lease)->fencing_token());
//     }  // Released.
//
// A lock object is a name and a way of taking it. Threads may share one or have one each,
// in one process or in several: it makes no difference to who waits for whom. Each acquire
// is a request of its own, with its own lease_id and its own place in the server's queue.
// The rules for those who share an object:
//
//   * It has one lease at a time. Release, unlock, Renew, Detach and lease() are about the
//     calling thread's own lease: the one that it acquired, for as long as nobody has
//     released it. A thread without one means the object's lease, whoever acquired it: so
//     a lock can be taken by one thread and given back by another.
//   * A thread that acquires again what it holds itself would wait for itself, so it is told
//     at once: FAILED_PRECONDITION, std::errc::resource_deadlock_would_occur from lock(),
//     false from try_lock(). A lease belongs to the thread that acquired it until it is
//     released, wherever its ScopedLease is moved to, and also when it is lost.
//   * A lease that was lost does not keep the others waiting. Who held it is told by its
//     own Release, and does not end the lease of whoever has come after. Only where a
//     thread without a lease releases while there is a lost one, whose is meant cannot be
//     known: the lost one then goes first, and every such Release tells of the loss.
//   * Each acquire has its own timeout, stop token and reports; on_queued may be called for
//     several at once if the client's executor has several threads.
//   * Destroying the object, or its client, ends the acquires that wait in it with
//     CANCELLED. Nothing else may be going on in the object, and nothing may begin.

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

  // Releases the lease if one is held: waits for the server's answer, but not for
  // longer than half a second. REQUIRES: other threads at most wait in Acquire or lock.
  ~SyncLock();

  // The new object has the leases and the acquires of the old one, which may only be
  // destroyed or assigned to from then on. What is assigned to is closed as by its
  // destructor before. REQUIRES: no other thread uses either.
  SyncLock(SyncLock&& other) noexcept = default;
  SyncLock& operator=(SyncLock&& other) noexcept;

  const std::string& key() const;
  Duration timeout() const;
  std::optional<Duration> expire() const;
  const Tags& tags() const;

  // Whether the lock is taken, by anybody.
  absl::StatusOr<bool> Locked() const;

  // Takes the lock: blocks until it is granted, the timeout has passed or `stop`
  // is requested. First come, first served.
  //
  // ABORTED, kLockHeld: the timeout is zero and somebody holds the lock.
  // DEADLINE_EXCEEDED, kWaitTimeout: somebody held it for the whole timeout.
  // UNAVAILABLE: the timeout passed without word from the server.
  // CANCELLED: `stop` was requested, or the client destroyed.
  // PERMISSION_DENIED: the Unix socket is closed to this user.
  // FAILED_PRECONDITION: this thread holds it through this object already; kLeaseExpired: `expire`
  //   is shorter than the way to the server and back.
  // INVALID_ARGUMENT, RESOURCE_EXHAUSTED: what the server refuses.
  absl::StatusOr<Lease> Acquire(std::stop_token stop = {});

  // As Acquire; the lease is released at the end of the scope.
  absl::StatusOr<ScopedLease> AcquireScoped(std::stop_token stop = {});

  // Makes the calling thread's lease last `expire` from now; or the object's, if the thread
  // has none.
  //
  // FAILED_PRECONDITION, NOT_FOUND: the lease is lost, or none is held.
  absl::Status Renew();

  // Ends the calling thread's lease; or the object's, if the thread has none. Whatever is
  // returned, that lease is not held any more afterwards.
  //
  // OK: the server counted the lease as ours until now.
  // FAILED_PRECONDITION: no lease is held through this object; kLeaseExpired,
  //   kLeaseForced: it had ended before, and somebody else may have had the lock.
  // NOT_FOUND, kLeaseNotFound: the server does not know the lease.
  // UNAVAILABLE: no answer within the client's call_timeout. The release is tried
  //   again in the background.
  absl::Status Release();

  // Ends this lease, whichever thread acquired it. FAILED_PRECONDITION also if it was
  // released or detached before, or acquired through another object.
  absl::Status Release(const Lease& lease);

  // Lets go of the lease and leaves the lock taken: until the lease expires, or somebody
  // releases it by its lease_id, which is all that is needed for that (in another process,
  // say). It is not renewed any more, and its loss is not signalled, but the Lease still
  // knows its deadline. Does not talk to the server. Which lease is as for Release, and
  // whatever is returned, this object does not hold it any more afterwards.
  //
  // FAILED_PRECONDITION: no lease is held through this object.
  // What Lease::status() says, if it is lost.
  absl::StatusOr<Lease> Detach();

  // The calling thread's lease, be it lost or not; or the object's latest, if the thread has
  // none.
  std::optional<Lease> lease() const;

  // --- For std::unique_lock and its like -----------------------------------------

  // As Acquire. Throws std::system_error if that fails, for the standard leaves no
  // other way to say so; nothing else in this library throws. The code is one of
  // std::errc: timed_out (it stayed held), host_unreachable, resource_deadlock_would_occur
  // (this thread holds it), permission_denied, invalid_argument, operation_canceled,
  // operation_not_permitted, resource_unavailable_try_again (the server is full).
  void lock();

  // False if the lock could not be taken, for whatever reason.
  bool try_lock();

  template <typename Rep, typename Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout) {
    return TryLockFor(ToTimeout(timeout));
  }

  template <typename Clock, typename Dur>
  bool try_lock_until(const std::chrono::time_point<Clock, Dur>& deadline) {
    const auto now = Clock::now();
    // Subtracting the least of all times from now would overflow.
    return TryLockFor(deadline <= now ? Duration::zero() : ToTimeout(deadline - now));
  }

  // As Release, but waits for the server's answer for at most half a second.
  void unlock();

  // How the last lock, try_lock, try_lock_for, try_lock_until or unlock ended, of
  // whichever thread.
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
