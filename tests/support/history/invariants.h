// The parts of the checker: one function for each invariant, in a file of its own that
// says what it checks and what it cannot see. For checker.cc alone.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_INVARIANTS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_INVARIANTS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/history/digest.h"
#include "tests/support/history/holds.h"
#include "tests/support/history/lease_bounds.h"
#include "tests/support/history/lease_ends.h"
#include "tests/support/history/violation.h"

namespace holdfast::history {

// What all of them look at. Thread-compatible.
struct Evidence {
  explicit Evidence(const Digest& of)
      : digest(of), bounds(BoundsOf(of)), ends(EndsOf(of)), holds(HoldsOf(of, bounds)) {}

  const LeaseDigest& lease(std::size_t index) const { return digest.leases()[index]; }
  const Operation& operation(std::size_t index) const { return digest.operations()[index]; }

  // "lease a of key k", for messages.
  std::string Describe(std::size_t lease) const;

  // Whether the server has forgotten the predecessor of this lease, which was granted
  // early. Where it has been started anew in between, or where the predecessor has no
  // expire, an early grant is a matter of I4; otherwise, of I8.
  bool PredecessorForgotten(std::size_t lease) const;

  const Digest& digest;
  const std::vector<LeaseBounds> bounds;       // By lease.
  const std::vector<LeaseEnd> ends;            // By lease.
  const std::vector<std::vector<Hold>> holds;  // By key.
};

// Collects the violations of one invariant. Thread-compatible.
class Report {
 public:
  Report(Invariant invariant, std::size_t at_most) : invariant_(invariant), at_most_(at_most) {}

  // Sorts `events`, and leaves out what is none.
  void Add(std::string message, std::vector<std::size_t> events);

  bool full() const { return violations_.size() >= at_most_; }
  std::vector<Violation> Take() { return std::move(violations_); }

 private:
  const Invariant invariant_;
  const std::size_t at_most_;
  std::vector<Violation> violations_;
};

void CheckTokens(const Evidence& evidence, Report& report);
void CheckExclusion(const Evidence& evidence, Report& report);
void CheckFencing(const Evidence& evidence, Report& report);
void CheckDurability(const Evidence& evidence, Report& report);
void CheckFifo(const Evidence& evidence, Report& report);
void CheckQuiet(const Evidence& evidence, Report& report);
void CheckLiveness(const Evidence& evidence, Report& report);
void CheckLapse(const Evidence& evidence, Report& report);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_INVARIANTS_H_
