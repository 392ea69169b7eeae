// When, at the earliest, the server can have granted each lease, and ended it.
//
// This is what can be said for certain, without any assumption about the network: a
// request has no effect before it is called, an expire does not begin before its
// grant or renewal was called, a grant comes after the end of every lease on the key
// with a smaller token, and a restarted server gives every lease its full expire
// again. Whatever successful call of a lease is in the history, the lease was still
// there for it.
//
// Not seen: a ForceRelease without a token that was never answered may have ended any
// lease on its key, at any time from its call on.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_BOUNDS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_BOUNDS_H_

#include <cstddef>
#include <vector>

#include "tests/support/history/digest.h"
#include "tests/support/history/history.h"

namespace holdfast::history {

// Of a lease that its holder was told of; of others nothing is known.
struct LeaseBounds {
  Time granted_from = Time::min();
  Time ended_from = Time::max();
  std::size_t ended_because = kNone;  // The event that this is derived from.

  // Events: the first calls that can have ended it. None: there was no such call.
  std::size_t released = kNone;
  std::size_t forced = kNone;          // That has, or names its token.
  std::size_t perhaps_forced = kNone;  // That may have ended any lease on the key.

  // Of the leases on its key with smaller tokens, the one that must have been held for
  // the longest, and until when at least.
  std::size_t predecessor = kNone;

  // Its holder was told of it while the predecessor must still have been held.
  bool granted_early = false;
};

// By the index of the lease.
std::vector<LeaseBounds> BoundsOf(const Digest& digest);

// When the lease can have lapsed at the earliest, given its successful calls before the
// event `before`. Without an expire: kForever.
struct Lapse {
  Time from = Time::min();
  std::size_t because = kNone;  // The event that this is derived from.
};
Lapse LapseOf(const Digest& digest, const LeaseDigest& lease, Time granted_from,
              std::size_t before);

// Whether the ForceRelease can have ended any lease on its key.
bool MayHaveForcedAny(const Digest& digest, const Operation& force);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_BOUNDS_H_
