// One grant of a lock.
//
// The model. A lease ends when it is released, when its `expire` has passed on the
// server, or when an administrator ends it. The holder cannot see the server's clock, so
// it computes a deadline of its own, deadline(): from the time *before* the request was
// sent, less a margin for clocks that run at different speeds. Until then nobody else can
// have been granted the lock, unless an administrator ended the lease.
//
//     kHeld ──renewal fails──▶ kUncertain ──deadline draws near──▶ kLost
//       ▲──────renewal succeeds────┘                                  (for good)
//
// An unreachable server is not a loss; a passed deadline always is. lost() is signalled
// shortly before the deadline, and a loss is final.
//
// The resource that the holder writes to should also check fencing_token(), because a
// process can be stopped for longer than any lease between checking its clock and
// writing. See docs/leases.md.

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
  kHeld,       // Certainly ours until deadline().
  kUncertain,  // As kHeld, but the last renewal did not get through.
  kLost,       // Somebody else may have the lock.
  kReleased,   // We gave it back.
};

// A view of one grant. Copies refer to the same grant. A Lease neither keeps the grant
// alive nor ends it; its lock does that. It stays usable after the lock and the client
// are gone. Thread-safe.
//
// A lease belongs to its process: in a forked child it is kLost, lost() is requested and
// deadline() has passed.
class Lease {
 public:
  // Larger than the token of every earlier grant, of any key. Pass it to the resource
  // that the lock protects, and have that reject a token smaller than the largest it has
  // seen.
  std::uint64_t fencing_token() const;

  const std::string& key() const;

  // A secret: anyone who knows it can end the lease.
  const std::string& lease_id() const;

  // How long the lease lasts from its grant or its last renewal. Absent: until
  // it is released.
  std::optional<Duration> expire() const;

  // The holder may rely on the lease until then. Moves on with each renewal.
  // MonotonicTime::max() for a lease without an expiry.
  MonotonicTime deadline() const;

  LeaseState state() const;

  // True in kHeld and kUncertain.
  bool valid() const;

  // Stop is requested when the lease is lost, and only then: not when it is released, nor
  // after its lock has detached it. Functions registered on the token run on a client
  // thread that does nothing else; while one of them runs, the others wait.
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
