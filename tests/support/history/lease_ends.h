// Which answer first showed that a lease_id has ended, for good, and why.
//
// A release that was acknowledged ends it, also one of an id that the server did not
// know; so does every refusal because it has ended, an acquire that timed out, whatever
// other calls the id has, and the answer to a ForceRelease.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_ENDS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_ENDS_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "tests/support/history/digest.h"

namespace holdfast::history {

// As far as answers tell them apart: an id that was cancelled or timed out is spoken of
// as one that was released.
enum class EndCause { kNotSaid, kReleased, kExpired, kForced };

struct LeaseEnd {
  // Events: the first that shows the end, and the first that says why.
  std::size_t shown = kNone;
  std::size_t cause_shown = kNone;
  EndCause cause = EndCause::kNotSaid;
};

// By the index of the lease.
std::vector<LeaseEnd> EndsOf(const Digest& digest);

// What the answer to one call of an id says about its end; absent if nothing.
std::optional<EndCause> EndShownBy(const Digest& digest, const Operation& operation);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_LEASE_ENDS_H_
