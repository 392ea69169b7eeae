// What a lock is: the one place where it is written down which answers it may give.
//
// A lock is a sequential program. Requests are carried out one at a time, each at one
// moment between its call and its answer. Every lease_id is unknown, then held, then
// ended for one cause, for good:
//
//             unknown             held by it          held by another   ended
//   Acquire   free: Granted       Granted, the same   once: LOCK_HELD   LEASE_ENDED
//               ──▶ held            token             waiting: later,
//                                                       or WAIT_TIMEOUT
//                                                       ──▶ timed out
//   Renew     LEASE_NOT_FOUND     Renewed; expire     as unknown        LEASE_EXPIRED,
//             or LEASE_WAITING      begins anew,                          _FORCED or
//                                   or stays                              _ENDED
//   Release   LEASE_NOT_FOUND,    Released            as unknown        LEASE_EXPIRED,
//             or Released if it     ──▶ ended                             _FORCED or
//             waited ──▶ ended                                            Released
//
// ForceRelease ends whatever lease there is, or only the one with the token that it
// names, and tells its token; otherwise LOCK_NOT_HELD. Get shows the token of the holder.
// A grant has a larger token than every grant before it.
//
// An id that has timed out has ended, whatever other calls it has: those that wait are
// told WAIT_TIMEOUT as well, and later ones LEASE_ENDED.
//
// A Renew never brings the end of a lease forward: with a shorter expire than the present
// one it begins that one, if it ends later, or else changes nothing.
//
// A lease that was requested with a max_hold may lapse that long after its grant, whatever
// was promised.
//
// By itself a lock takes two steps. A lease lapses, but no sooner than its expire after
// it was granted or renewed, or after the server was started anew, nor than any renewal
// of it has been answered to last. And a lease whose caller has gone away before it was told
// anything may end as cancelled, which looks like released: its place in the queue, or a grant that
// could not be delivered.
//
// The order among those who wait is no matter of this specification, nor that a free
// lock is granted soon: a wait is carried out when it is granted. That a request which
// was refused for a limit, for its form or because the server was stopping changes
// nothing, goes without saying. Plain values, thread-compatible.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_LOCK_SPEC_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_LOCK_SPEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tests/support/history/history.h"

namespace holdfast::history {

enum class Phase : std::uint8_t { kUnknown, kHeld, kReleased, kTimedOut, kExpired, kForced };

struct LockState {
  std::vector<Phase> leases;          // At most one of them is kHeld:
  std::optional<std::size_t> holder;  // this one.

  // The last that was granted. It is `guessed` while nobody has been told it: it is then
  // the smallest that it can be.
  std::uint64_t token = 0;
  bool token_guessed = false;

  // Of the holder's lease. It has begun its expire at `began`, and has been promised to
  // last until `promised`; so it lapses from `lapses_from` on.
  Duration expire{};
  Duration max_hold = Duration::max();
  Time granted{};
  Time began{};
  Time promised{};
  Time lapses_from{};

  bool operator==(const LockState&) const = default;
};

struct Request {
  What what;                    // One of the calls.
  std::size_t lease = 0;        // Whose; of Acquire, Renew and Release.
  std::uint64_t its_token = 0;  // The lease's token, as far as anybody was told; or 0.
};

class LockSpec {
 public:
  // `restarts`: when the server was started anew, in rising order. `clock_rate`: by how
  // many thousandths its clock may be fast.
  LockSpec(std::vector<Time> restarts, std::int64_t clock_rate)
      : restarts_(std::move(restarts)), clock_rate_(clock_rate) {}

  // All states that the lock may be in after it has carried out the request at `now` and
  // has given the answer; whatever answer, if it is null. Empty: it gives no such answer.
  std::vector<LockState> After(const LockState& state, const Request& request, const What* answer,
                               Time now) const;

  // The steps that a lock takes by itself. REQUIRES: somebody holds it, and it is
  // lapses_from by now.
  static LockState Lapsed(const LockState& state);
  // Absent if the lease has ended before.
  static std::optional<LockState> Cancelled(const LockState& state, std::size_t lease);

 private:
  Duration Shortest(Duration expire) const;
  Time LapsesFrom(const LockState& state, Time restarts_until) const;
  void Begin(LockState& state, Duration expire, Time now) const;
  std::vector<LockState> Extended(const LockState& state, Duration expire, Time now) const;

  std::vector<LockState> AfterAcquire(const LockState& state, const Request& request,
                                      const What* answer, Time now) const;
  std::vector<LockState> AfterRenew(const LockState& state, const Request& request,
                                    const What* answer, Time now) const;

  std::vector<Time> restarts_;
  std::int64_t clock_rate_;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_LOCK_SPEC_H_
