// One grant of a lock.
//
// The model. A lease ends when it is released, when its `expire` has passed on
// the server, or when an administrator ends it. Its holder cannot see the
// server's clock, so it keeps a deadline of its own, computed from the moment
// *before* the request was sent and brought forward by a margin for clocks that
// run at different speeds: deadline(). Until then nobody else can have been
// granted the lock, unless an administrator forced that.
//
//     kHeld ──renewal fails──▶ kUncertain ──deadline draws near──▶ kLost
//       ▲──────renewal succeeds────┘                                  (for good)
//
// An unreachable server is not a loss; the passed deadline always is. lost() is
// signalled a little before the deadline passes, and lost is final.
//
// Whatever the holder writes to should be guarded by fencing_token() as well: a
// process can be stopped for longer than any lease between looking at the clock
// and writing. See docs/leases.md.

#ifndef HOLDFAST_LEASE_H_
#define HOLDFAST_LEASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "holdfast/time.h"

namespace holdfast {

namespace core {
class LeaseCore;
}  // namespace core

enum class LeaseState {
  kHeld,       // Sure to be ours until deadline().
  kUncertain,  // As kHeld, but the last renewal did not get through.
  kLost,       // Must be taken for somebody else's.
  kReleased,   // We gave it back.
};

// A view of one grant. Copies show the same grant; none of them keeps it alive
// or ends it: that is the lock's business. Valid for as long as you like, also
// after the lock and the client are gone. Thread-safe.
//
// A lease is its process's: in a forked child it is kLost, lost() is requested and
// deadline() has passed.
class Lease {
 public:
  // Larger than the token of every earlier grant, of any key. Hand it to
  // whatever the lock protects, and have that refuse a token smaller than the
  // largest it has seen.
  std::uint64_t fencing_token() const;

  const std::string& key() const;

  // A secret: whoever knows it can end the lease.
  const std::string& lease_id() const;

  // How long the lease lasts from its grant or its last renewal. Absent: until
  // it is released.
  std::optional<Duration> expire() const;

  // Until when the holder may rely on the lease. Moves on with each renewal.
  // MonotonicTime::max() for a lease without an expiry.
  MonotonicTime deadline() const;

  LeaseState state() const;

  // True in kHeld and kUncertain.
  bool valid() const;

  // Stop is requested when the lease is lost, and never otherwise: not when it
  // is released, nor after its lock has detached it. Functions registered on the token run on a
  // thread of the client's that serves nothing else; while one of them runs, the others wait.
  std::stop_token lost() const;

  // OK, or why the lease is lost (in a forked child always FAILED_PRECONDITION):
  // FAILED_PRECONDITION with kLeaseExpired, kLeaseForced, or kLeaseEnded (it is not known why: the
  // lock was granted anew), NOT_FOUND with kLeaseNotFound, CANCELLED if the client was destroyed.
  absl::Status status() const;

  // For the library: leases come from locks.
  explicit Lease(std::shared_ptr<core::LeaseCore> core) : core_(std::move(core)) {}

 private:
  friend class SyncLock;
  friend class AsyncLock;
  friend class ScopedLease;

  std::shared_ptr<core::LeaseCore> core_;  // Never null, except when moved from.
};

}  // namespace holdfast

#endif  // HOLDFAST_LEASE_H_
