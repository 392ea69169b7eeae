// I2: at any moment at most one lease of a key is held, by its holder's own clock. What
// a hold is, is said in holds.h.
//
// A ForceRelease without a token that was never answered may have ended one lease on
// its key, from its call on: each such call excuses one overlap.

#include <algorithm>
#include <vector>

#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

// Of the holds that have begun so far, those of two leases that last the longest.
class Longest {
 public:
  void Add(const Hold& hold) {
    if (hold.lease == first_.lease) {
      if (hold.until > first_.until) first_ = hold;
    } else if (hold.until > first_.until) {
      second_ = first_;
      first_ = hold;
    } else if (hold.until > second_.until) {
      second_ = hold;
    }
  }

  const Hold& OfAnotherLease(std::size_t lease) const {
    return first_.lease == lease ? second_ : first_;
  }

  void Forget(std::size_t lease) {
    if (first_.lease == lease) first_ = second_;
    second_ = {};
  }

 private:
  Hold first_;
  Hold second_;
};

}  // namespace

void CheckExclusion(const Evidence& evidence, Report& report) {
  const Digest& digest = evidence.digest;
  for (std::size_t key = 0; key < evidence.holds.size(); ++key) {
    std::vector<std::size_t> excuses;  // Calls, in order.
    for (const std::size_t force : digest.keys()[key].forces) {
      const Operation& operation = evidence.operation(force);
      if (MayHaveForcedAny(digest, operation)) excuses.push_back(operation.called);
    }
    auto excuse = excuses.begin();
    Longest longest;
    for (const Hold& hold : evidence.holds[key]) {
      const Hold other = longest.OfAnotherLease(hold.lease);
      if (other.lease != kNone && other.until > hold.from) {
        if (excuse != excuses.end() && *excuse < hold.event) {
          ++excuse;
          longest.Forget(other.lease);
        } else {
          report.Add(evidence.Describe(hold.lease) + " is held while " +
                         evidence.Describe(other.lease) + " is",
                     {other.event, hold.event});
        }
      }
      longest.Add(hold);
    }
  }
}

}  // namespace holdfast::history
