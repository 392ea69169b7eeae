// I8: no lease lapses early.
//
// The server cannot have begun an expire before the call that began it was sent, nor
// before the lease that had the key before was over. So the holder is not told
// LEASE_EXPIRED, and nobody else is told of a grant of the key, earlier than that plus
// the expire; after a restart of the server, no earlier than the old server's end plus
// the expire. The clock of the server may be a little fast (Rules::clock_rate).
//
// Not seen: an early lapse of a lease that waited in the queue for longer than its
// expire behind leases that nobody was told of; I2 sees it, by the holder's valid_until.

#include <string>
#include <vector>

#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

void CheckFirstExpired(const Evidence& evidence, std::size_t index, Report& report) {
  const Digest& digest = evidence.digest;
  const LeaseDigest& lease = evidence.lease(index);
  std::size_t first = kNone;
  for (const std::size_t operation : lease.operations) {
    if (digest.RefusedFor(evidence.operation(operation), Reason::kLeaseExpired)) {
      first = std::min(first, evidence.operation(operation).end);
    }
  }
  if (first == kNone) return;
  const Lapse lapse = LapseOf(digest, lease, evidence.bounds[index].granted_from, first);
  if (digest.at(first) >= lapse.from) return;
  report.Add(evidence.Describe(index) + " has expired early", {lapse.because, first});
}

}  // namespace

void CheckLapse(const Evidence& evidence, Report& report) {
  for (const KeyDigest& key : evidence.digest.keys()) {
    for (const std::size_t index : key.granted) {
      CheckFirstExpired(evidence, index, report);
      const LeaseBounds& bounds = evidence.bounds[index];
      if (!bounds.granted_early || evidence.PredecessorForgotten(index)) continue;
      report.Add(evidence.Describe(index) + " was granted before " +
                     evidence.Describe(bounds.predecessor) + " can have lapsed",
                 {evidence.bounds[bounds.predecessor].ended_because, evidence.lease(index).told});
    }
  }
}

}  // namespace holdfast::history
