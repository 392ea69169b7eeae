// A lock for code that blocks.
//
//     holdfast::SyncLock lock(*client, "reports/2024", {.timeout = 10s, .expire = 30s});
//     {
//       absl::StatusOr<holdfast::ScopedLease> lease = lock.AcquireScoped();
//       if (!lease.ok()) return lease.status();
//       WriteReport((*lease)->fencing_token());
//     }  // Released.
//
// A lock object is a name and a way of taking it; it is for one holder at a
// time. Several threads may share it: whoever calls Acquire while it is held, or
// being acquired, through the same object gets an error at once and does not
// wait. Threads that compete for a lock each use an object of their own.

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
  // longer than half a second. REQUIRES: no other thread uses the lock.
  ~SyncLock();

  SyncLock(const SyncLock&) = delete;
  SyncLock& operator=(const SyncLock&) = delete;

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
  // FAILED_PRECONDITION: held, or being acquired, through this object already;
  //   kLeaseExpired: `expire` is shorter than the way to the server and back.
  // INVALID_ARGUMENT, RESOURCE_EXHAUSTED: what the server refuses.
  absl::StatusOr<Lease> Acquire(std::stop_token stop = {});

  // As Acquire; the lease is released at the end of the scope.
  absl::StatusOr<ScopedLease> AcquireScoped(std::stop_token stop = {});

  // Makes the lease last `expire` from now.
  //
  // FAILED_PRECONDITION, NOT_FOUND: the lease is lost, or none is held.
  absl::Status Renew();

  // Gives the lock back. Whatever is returned, this object holds nothing
  // afterwards.
  //
  // OK: the server counted the lease as ours until now.
  // FAILED_PRECONDITION: no lease is held through this object; kLeaseExpired,
  //   kLeaseForced: it had ended before, and somebody else may have had the lock.
  // NOT_FOUND, kLeaseNotFound: the server does not know the lease.
  // UNAVAILABLE: no answer within the client's call_timeout. The release is tried
  //   again in the background.
  absl::Status Release();

  // Lets go of the lease and leaves the lock taken: until the lease expires, or somebody
  // releases it by its lease_id, which is all that is needed for that (in another process,
  // say). It is not renewed any more, and its loss is not signalled, but the Lease still
  // knows its deadline. Does not talk to the server. Whatever is returned, this object
  // holds nothing afterwards.
  //
  // FAILED_PRECONDITION: no lease is held through this object.
  // What Lease::status() says, if it is lost.
  absl::StatusOr<Lease> Detach();

  // The lease that is held through this object, be it lost or not.
  std::optional<Lease> lease() const;

  // --- For std::unique_lock and its like -----------------------------------------

  // As Acquire. Throws std::system_error if that fails, for the standard leaves no
  // other way to say so; nothing else in this library throws.
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

  // How the last lock, try_lock, try_lock_for, try_lock_until or unlock ended.
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

  absl::StatusOr<Lease> AcquireFor(Duration timeout, std::stop_token stop);
  bool TryLockFor(Duration timeout);

  std::shared_ptr<core::LockCore> core_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SYNC_LOCK_H_
